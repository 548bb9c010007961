"""What a network knows of its nodes from links: contradictions are refused before anything changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ionlink.errors import ModelError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from ionlink.parameters import Gates, NetworkNode, Node

__all__ = ["Known"]


class Known:
    """Nodes as they were defined, by their names, and gates that links brought, by the nodes' numbers."""

    def __init__(self) -> None:
        self.definitions: dict[str, tuple[Node, str]] = {}
        self.gates: dict[int, Gates] = {}

    def refuse_other(self, node: Node, ends: Collection[str], link: str) -> None:
        """Refuse a link's node that stands at the network's node of its name and is not the same."""
        known = self.definitions.get(node.name)
        if node.name in ends and known is not None and known[0] != node:
            message = (
                f"node {node.name!r} of link {link!r} differs from node {node.name!r} of {known[1]}: "
                "two definitions of one name"
            )
            raise ParameterError(message, path="link", domain="nodes as the network knows them")

    def refuse_other_gates(
        self,
        brought: Iterable[tuple[int, Gates | None]],
        link: int,
        nodes: Sequence[NetworkNode | str],
    ) -> None:
        """Refuse gates of a link's node other than those that another link brought."""
        found = dict(self.gates)
        for end, gates in brought:
            if gates is not None and found.setdefault(end, gates) != gates:
                node = nodes[end] if end < len(nodes) else str(end)
                name = node if isinstance(node, str) else node.name
                message = (
                    f"`links.{link}` brings other gates for node {name!r} than another link: "
                    "give them with the node"
                )
                raise ModelError(message, path=f"links.{link}")

    def keep_gates(self, brought: Iterable[tuple[int, Gates | None]]) -> None:
        """Remember gates that a link brought."""
        self.gates.update({end: gates for end, gates in brought if gates is not None})
