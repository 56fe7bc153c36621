"""The file system that the layers of an image make, as names and kinds: nothing is written anywhere.

Source: OCI image specification, "Image Layer Filesystem Changeset"; where runtimes (containerd, Docker on overlayfs,
containers/storage) would make different file systems of the same layer, it is refused. Two things cause that: a path
that leads through a symbolic link or a file, and a layer that both adds and removes one path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighbridge.image.content import Facts

MAX_LINKS = 40
"""Symbolic links followed on one path, as Linux bounds them."""
_THROUGH_LINK = "leads through a symbolic link, which runtimes follow differently"


class LayerError(ValueError):
    """A layer that cannot be applied, or that runtimes apply differently."""


class Node:
    """A file, folder, link or device: an inode, which several names may share."""

    __slots__ = (
        "capability", "children", "facts", "gid", "kind", "layer", "mode", "ordinal", "origin", "size", "target",
        "touched", "uid",
    )  # fmt: skip

    def __init__(self, kind: str, layer: int, mode: int = 0o755) -> None:
        self.kind = kind
        self.layer = layer
        """Index of the layer that last said something about it."""
        self.origin = layer
        """Index of the layer that holds its contents."""
        self.ordinal = -1
        """Number of the member with its contents in that layer's archive."""
        self.touched = layer
        """The last layer that named it or anything below it."""
        self.mode = mode
        self.uid = self.gid = self.size = 0
        self.target: bytes = b""
        self.capability: bytes = b""
        self.facts: Facts | None = None
        self.children: dict[str, Node] | None = {} if kind == "folder" else None


class Tree:
    """What a container started from the image would see."""

    def __init__(self) -> None:
        self.root = Node("folder", -1)
        self.made = 0
        """Nodes made so far, those of folders that were only implied among them."""

    def add(self, parts: tuple[str, ...], node: Node) -> None:
        """Put a node where a layer has it: a folder joins the folder that is there, anything else replaces.

        Raises:
            LayerError: the path leads through a link or a file, or the root would be replaced.
        """
        if not parts:
            if node.kind != "folder":
                raise LayerError("replaces the root folder by something else")
            _take_over(self.root, node)
            return
        parent = self._folder(parts[:-1], node.layer)
        children = parent.children
        assert children is not None  # noqa: S101 -- a folder has children; for the type checker
        present = children.get(parts[-1])
        if present is not None and present.kind == node.kind == "folder":
            _take_over(present, node)
            return
        self.made += 1
        children[parts[-1]] = node

    def link(self, parts: tuple[str, ...], target: tuple[str, ...], layer: int) -> Node:
        """Give the file at `target` a further name; returns the file.

        Raises:
            LayerError: no file there at this moment, or a path through a link.
        """
        parent = self._folder(parts[:-1], layer) if parts else None
        if parent is None or parent.children is None:
            raise LayerError("replaces the root folder by a link")
        # A runtime makes room first, so a link to its own name has no target.
        parent.children.pop(parts[-1], None)
        node = self.find(target)
        if node is None:
            raise LayerError("is a hard link to something that is not there")
        if node.kind == "folder":
            raise LayerError("is a hard link to a folder")
        if node.layer != layer:
            node = _copy(node, layer)
        self.made += 1
        parent.children[parts[-1]] = node
        return node

    def whiteout(self, parts: tuple[str, ...], layer: int) -> None:
        """Remove what lower layers have at a path; what is not there needs no removing.

        Raises:
            LayerError: this very layer has something there.
        """
        parent = self.find(parts[:-1])
        if parent is not None and parent.kind == "symlink":
            raise LayerError(_THROUGH_LINK)
        if parent is None or parent.children is None or (node := parent.children.get(parts[-1])) is None:
            return
        if node.touched == layer:
            raise LayerError("is added and removed by the same layer")
        _touch(self.root, parts[:-1], layer)
        del parent.children[parts[-1]]

    def opaque(self, parts: tuple[str, ...], layer: int) -> None:
        """Hide all that lower layers have below a folder."""
        folder = self._folder(parts, layer)
        waiting = [folder]
        while waiting:
            children = waiting.pop().children or {}
            for name, child in list(children.items()):
                if child.touched != layer:
                    del children[name]
                elif child.kind == "folder":
                    waiting.append(child)

    def find(self, parts: tuple[str, ...]) -> Node | None:
        """The node at a path, no link followed.

        Raises:
            LayerError: the path leads through a link, which runtimes follow differently.
        """
        node = self.root
        for part in parts:
            if node.kind == "symlink":
                raise LayerError(_THROUGH_LINK)
            child = (node.children or {}).get(part)
            if child is None:
                return None
            node = child
        return node

    def lookup(self, path: str) -> tuple[str, Node] | None:
        """The path, links followed inside the image, and the node there; None if nothing is, or links go in circles."""
        waiting = [part for part in path.split("/") if part][::-1]
        walked: list[tuple[str, Node]] = []
        links = 0
        while waiting:
            part = waiting.pop()
            if part == ".":
                continue
            if part == "..":
                walked = walked[:-1]
                continue
            here = walked[-1][1] if walked else self.root
            child = (here.children or {}).get(part)
            if child is None:
                return None
            if child.kind != "symlink":
                walked.append((part, child))
                continue
            links += 1
            target = child.target.decode("utf-8", "surrogateescape")
            if links > MAX_LINKS or not target:
                return None
            if target.startswith("/"):
                walked = []
            waiting += [step for step in target.split("/") if step][::-1]
        return "/" + "/".join(part for part, _ in walked), walked[-1][1] if walked else self.root

    def walk(self) -> Iterator[tuple[str, Node]]:
        """Every path, beginning with `/`, and its node; sorted within a folder, the folder before what is in it."""
        waiting = [("", self.root)]
        while waiting:
            path, node = waiting.pop()
            if path:
                yield path, node
            if node.children:
                waiting += [(f"{path}/{name}", node.children[name]) for name in sorted(node.children, reverse=True)]

    def _folder(self, parts: tuple[str, ...], layer: int) -> Node:
        """The folder at a path, made where it is missing, as runtimes make it."""
        node = self.root
        node.touched = layer
        for part in parts:
            children = node.children
            assert children is not None  # noqa: S101 -- only folders are walked through; for the type checker
            child = children.get(part)
            if child is None:
                child = children[part] = Node("folder", layer)
                self.made += 1
            elif child.kind == "symlink":
                raise LayerError(_THROUGH_LINK)
            elif child.kind != "folder":
                raise LayerError("lies below something that is no folder")
            child.touched = layer
            node = child
        return node


def _take_over(folder: Node, said: Node) -> None:
    folder.mode, folder.uid, folder.gid = said.mode, said.uid, said.gid
    folder.layer = folder.touched = said.layer


def _touch(root: Node, parts: tuple[str, ...], layer: int) -> None:
    node = root
    node.touched = layer
    for part in parts:
        node = (node.children or {})[part]
        node.touched = layer


def _copy(node: Node, layer: int) -> Node:
    """A lower layer's file under a name of this layer: a new inode with the same contents."""
    copy = Node(node.kind, layer)
    for name in ("capability", "facts", "gid", "mode", "ordinal", "origin", "size", "target", "uid"):
        setattr(copy, name, getattr(node, name))
    return copy
