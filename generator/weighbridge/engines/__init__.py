"""The engines that enforce: found, built from pinned modules, started, asked."""
