package lib.weighbridge.requirements.gpu_test

claimed := {"name": "p", "persistentVolumeClaim": {"claimName": "p"}}

off := "--no-enable-prefix-caching"

kept(patch, codes) := object.union(remembering(patch), {"codes": codes})

launched(words, codes) := kept(array.concat(command(words), args([off])), codes)

cache_cases := {
	"GPU-007": {
		"nothing asked": {"patch": [], "accelerators": forgetful, "codes": set()},
		"by default": kept([], {"GPU-007"}),
		"no accelerator": {"patch": limit("rdma/hca"), "accelerators": forgetful, "codes": set()},
		"memory, for the pod": {
			"patch": set_(s("resources"), {"limits": {"memory": "1Gi"}}),
			"accelerators": forgetful,
			"codes": set(),
		},
		"no accelerator, for the pod": {
			"patch": set_(s("resources"), {"limits": {"rdma/hca": 1}}),
			"accelerators": forgetful,
			"codes": set(),
		},
		"an image that keeps none": {"patch": mig, "codes": set()},
		"kept apart": {"patch": mig, "accelerators": apart, "codes": set()},
		"turned on, kept apart": {"patch": with_mig(args(["--enable-prefix-caching"])), "accelerators": apart, "codes": set()},
		"off": kept(args([off]), set()),
		"off with underscores": kept(args(["--no_enable_prefix_caching"]), set()),
		"off, for SGLang": kept(args(["--disable-radix-cache"]), set()),
		"off, for a script": kept(args(["/x", off]), {"GPU-007"}),
		"off, for a program in a word": kept(args(["--check-hash-based-pycs=never", "-c", "x", off]), {"GPU-007"}),
		"off in the command": kept(command(["vllm", "serve", "/m", off]), set()),
		"a module": launched(["/usr/bin/python3", "-m", "vllm.entrypoints.openai.api_server"], set()),
		"the other's switch": kept(command(["sglang", "serve", off]), {"GPU-007"}),
		"another module": launched(["python3", "-m", "server"], {"GPU-007"}),
		"another program": launched(["/start"], {"GPU-007"}),
		"a program elsewhere": launched(["/tmp/vllm", "serve"], {"GPU-007"}),
		"a shell": launched(["sh", "-c", "vllm serve"], {"GPU-007"}),
		"in a longer word": kept(args(["--x=--no-enable-prefix-caching"]), {"GPU-007"}),
		"as text": kept(args([concat(" ", ["serve", off])]), {"GPU-007"}),
		"turned on": {"patch": args(["--enable-prefix-caching"]), "codes": {"GPU-007"}},
		"turned on with underscores": {"patch": args(["--Enable_Prefix_Caching=true"]), "codes": {"GPU-007"}},
		"shortened": {"patch": args(["--enable-pre"]), "codes": {"GPU-007"}},
		"an option that begins alike": {"patch": args(["--enable-precise-embedding-interpolation"]), "codes": set()},
		"by a variable": {"patch": variable("ARGS", "serve --enable-prefix-caching"), "codes": {"GPU-007"}},
		"by a variable of its own": {"patch": variable("SM_VLLM_ENABLE_PREFIX_CACHING", "true"), "codes": {"GPU-007"}},
		"reuse by a variable": {"patch": variable("NIM_ENABLE_KV_CACHE_REUSE", "1"), "codes": {"GPU-007"}},
		"no reuse by a variable": {"patch": variable("NIM_ENABLE_KV_CACHE_REUSE", "0"), "codes": set()},
		"put together by Kubernetes": kept(args([off, "$(A)$(B)"]), {"GPU-007"}),
		"another container": {
			"patch": with_mig(set_(s("initContainers"), [object.union(serve, {
				"resources": {"limits": {"nvidia.com/mig-1g.10gb": 1}},
			})])),
			"accelerators": forgetful,
			"codes": {"GPU-007"},
		},
		"for the pod as a whole": {
			"patch": array.concat(runtime("gvisor"), set_(s("resources"), {"limits": {"nvidia.com/mig-2g.10gb": 1}})),
			"accelerators": forgetful,
			"codes": {"GPU-007"},
		},
		"by a claim": {
			"patch": array.flatten([
				runtime("gvisor"),
				claim({"name": "m", "resourceClaimTemplateName": "mig"}),
				set_(c("resources/claims"), [{"name": "m"}]),
			]),
			"accelerators": forgetful,
			"codes": {"GPU-007"},
		},
		"by one claim of two": {
			"patch": array.flatten([
				runtime("gvisor"),
				set_(s("resourceClaims"), [
					{"name": "n", "resourceClaimTemplateName": "nic"},
					{"name": "m", "resourceClaimTemplateName": "mig"},
				]),
				set_(c("resources/claims"), [{"name": "m"}]),
			]),
			"accelerators": forgetful,
			"codes": {"GPU-007"},
		},
		"by the other claim of two": {
			"patch": array.flatten([
				runtime("gvisor"),
				set_(s("resourceClaims"), [
					{"name": "n", "resourceClaimTemplateName": "nic"},
					{"name": "m", "resourceClaimTemplateName": "mig"},
				]),
				set_(c("resources/claims"), [{"name": "n"}]),
			]),
			"accelerators": forgetful,
			"codes": set(),
		},
		"by a claim of no accelerator that no container refers to": {
			"patch": claim({"name": "n", "resourceClaimTemplateName": "nic"}),
			"accelerators": forgetful,
			"codes": set(),
		},
		"by a claim that no container refers to": {
			"patch": array.concat(runtime("gvisor"), claim({"name": "m", "resourceClaimTemplateName": "mig"})),
			"accelerators": forgetful,
			"codes": {"GPU-007"},
		},
		"of one tenant": object.union(one_tenant(mig), {"accelerators": forgetful}),
	},
	"GPU-008": {
		"a connector": {"patch": args(["--kv-transfer-config={}"]), "codes": {"GPU-008"}},
		"a field of it": {"patch": args(["--kv-transfer-config.kv_connector=x"]), "codes": {"GPU-008"}},
		"shortened": {"patch": args(["--kv_t", "{}"]), "codes": {"GPU-008"}},
		"in capitals": {"patch": args(["--KV-EVENTS-CONFIG", "{}"]), "codes": {"GPU-008"}},
		"of SGLang": {"patch": args(["--hicache-storage-backend=file"]), "codes": {"GPU-008"}},
		"in a shell's text": {"patch": command(["sh", "-c", "x --kv-connector=y"]), "codes": {"GPU-008"}},
		"a variable": {"patch": variable("LMCACHE_REMOTE_URL", "redis://x"), "codes": {"GPU-008"}},
		"in small letters": {"patch": variable("mooncake_master", "x"), "codes": {"GPU-008"}},
		"a variable that becomes an option": {"patch": variable("SM_VLLM_KV_TRANSFER_CONFIG", "{}"), "codes": {"GPU-008"}},
		"a variable that becomes another option": {"patch": variable("SM_VLLM_KV_CACHE_DTYPE", "fp8"), "codes": set()},
		"a variable that only begins so": {"patch": variable("KVCACHED_AUTOPATCH", "1"), "codes": set()},
		"another variable": {"patch": variable("CACHE", "x"), "codes": set()},
		"the type of a cache": {"patch": args(["--kv-cache-dtype=fp8"]), "codes": set()},
		"too short to tell": {"patch": args(["--kv"]), "codes": set()},
		"with more to its name": {"patch": args(["--lmcache-config-file=/x"]), "codes": {"GPU-008"}},
		"a file of options": kept(args([off, "--config=/x"]), {"GPU-008"}),
		"a file of options, apart": kept(args([off, "--config", "/x"]), {"GPU-008"}),
		"more options of an engine": kept(args([off, "--extra_llm_api_options", "/x"]), {"GPU-008"}),
		"the format of a configuration": kept(args([off, "--config-format=hf"]), set()),
		"a file of options, an image that keeps none": {"patch": with_mig(args(["--config=/x"])), "codes": set()},
		"a file of options, no device": {"patch": args(["--config=/x"]), "accelerators": forgetful, "codes": set()},
		"kept apart": {"patch": args(["--kv-transfer-config={}"]), "accelerators": apart, "codes": set()},
		"of one tenant": one_tenant(variable("LMCACHE_REMOTE_URL", "redis://x")),
	},
	"GPU-009": {
		"a claim": {"patch": with_mig(mounted(claimed, [{"name": "p", "mountPath": "/p"}])), "codes": {"GPU-009"}},
		"a claim, no device": {"patch": mounted(claimed, [{"name": "p", "mountPath": "/p"}]), "codes": set()},
		"read-only": {"patch": with_mig(mounted(claimed, [{"name": "p", "mountPath": "/p", "readOnly": true}])), "codes": set()},
		"read-only, as text": {"patch": with_mig(mounted(claimed, [{"name": "p", "mountPath": "/p", "readOnly": "true"}])), "codes": {"GPU-009"}},
		"beside one that is mounted": {
			"patch": with_mig(array.concat(
				set_(s("volumes"), [claimed, {"name": "e", "emptyDir": {}}]),
				set_(c("volumeMounts"), [{"name": "e", "mountPath": "/e"}]),
			)),
			"codes": set(),
		},
		"mounted by nobody": {"patch": with_mig(volume(claimed)), "codes": set()},
		"twice": {
			"patch": with_mig(mounted(claimed, [{"name": "p", "mountPath": "/p", "readOnly": true}, {"name": "p", "mountPath": "/q"}])),
			"codes": {"GPU-009"},
		},
		"as a device": {
			"patch": with_mig(array.concat(volume(claimed), set_(c("volumeDevices"), [{"name": "p", "devicePath": "/p"}]))),
			"codes": {"GPU-009"},
		},
		"behind an empty directory": {
			"patch": with_mig(mounted(object.union(claimed, {"emptyDir": {}}), [{"name": "p", "mountPath": "/p"}])),
			"codes": {"GPU-009"},
		},
		"beside another device": {
			"patch": with_mig(array.concat(volume(claimed), set_(c("volumeDevices"), [{"name": "q", "devicePath": "/p"}]))),
			"codes": set(),
		},
		"a share of the network": {
			"patch": with_mig(mounted({"name": "p", "nfs": {"server": "x", "path": "/"}}, [{"name": "p", "mountPath": "/p"}])),
			"codes": {"GPU-009"},
		},
		"the pod's own": {
			"patch": with_mig(mounted({"name": "p", "ephemeral": {}}, [{"name": "p", "mountPath": "/p"}])),
			"codes": set(),
		},
		"kept apart": {
			"patch": with_mig(mounted(claimed, [{"name": "p", "mountPath": "/p"}])),
			"accelerators": apart,
			"codes": set(),
		},
		"of one tenant": one_tenant(with_mig(mounted(claimed, [{"name": "p", "mountPath": "/p"}]))),
	},
}
