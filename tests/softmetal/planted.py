"""What tests/softmetal/mutate_backend plants: the form of a bug, and those that only ThreadSanitizer sees."""

from __future__ import annotations

from typing import NamedTuple

METAL = "backends/metal"
KERNELS = f"{METAL}/grid_kernels.metal"
RINGS = f"{METAL}/ring_kernels.metal"
# And the host is interrupted there.
TOLD_EARLY = """
      if (told) HostLinkAtomics::store_index_before(&queue.ring.header->enqueue, queue.put + 1);
      for (u32 wait = 0; told && wait < 20'000; ++wait) atomic::relax();
      std::memcpy(payload(queue.ring, queue.put), message, bytes);
"""


class Bug(NamedTuple):
    file: str  # below native
    text: str
    replacement: str
    test: str  # filter of the tests that find it
    says: str  # in what they print
    kernels: str = KERNELS  # that the header, if it is one, is compiled into
    language: str = "3.2"


# What only ThreadSanitizer sees; with --races.
RACES = {
    "written_after_publication": Bug(
        "include/ringway/kernels/relay.h",
        "      copy_bytes(to, payload(slot) + skipped, bytes);\n      ctx->commit(1, bytes);\n",
        "      ctx->commit(1, bytes);\n      copy_bytes(to, payload(slot) + skipped, bytes);\n",
        "*AChainOfLinks*",
        "data race",
        RINGS,
    ),
    "no_fence_before_publication": Bug(
        "include/ringway/atomics_metal.h",
        "  static RW_FN void before_publish() { fence(); }",
        "  static RW_FN void before_publish() {}",
        "*AChainOfLinks*",
        "data race",
        RINGS,
    ),
    "no_barriers_between_rounds": Bug(
        f"{METAL}/driver_encode.mm",
        "        [encoder memoryBarrierWithScope:MTLBarrierScopeBuffers];\n",
        "",
        "*AChainOfLinks*",
        "data race",
        RINGS,
        "3.0",
    ),
    "tickets_that_are_not_sealed": Bug(
        "include/ringway/atomics_metal.h",
        "#else\n  enum : bool { kOrdered = false };",
        "#else\n  enum : bool { kOrdered = true };",
        "*AChainOfLinks*",
        "data race",
        RINGS,
        "3.0",
    ),
    "told_before_it_is_written": Bug(
        "core/sliced_queues.cpp",
        "      std::memcpy(payload(queue.ring, queue.put), message, bytes);\n",
        TOLD_EARLY,
        "*PollingRings.AnEcho*",
        "data race",
        RINGS,
    ),
    "told_by_a_relaxed_store": Bug(
        "core/sliced_queues.cpp",
        "HostLinkAtomics::store_index_before(&queue.ring.header->enqueue, queue.put);",
        "HostLinkAtomics::store_index(&queue.ring.header->enqueue, queue.put);",
        "*PollingRings.AnEcho*",
        "data race",
        RINGS,
    ),
    "seen_without_a_fence": Bug(
        RINGS,
        "  MetalAtomics::after_ready();\n",
        "",
        "*PollingRings.AnEcho*",
        "data race",
        RINGS,
    ),
    "more_read_than_the_report_says": Bug(
        f"{METAL}/driver_report.mm",
        "    replica.to_host.put_to(report.published);\n",
        "    replica.to_host.put_to(report.published + 1);\n",
        "*AnEchoKeepsOrderAndBytes*",
        "data race",
        RINGS,
    ),
}
