#include "core/graph/read_serialized.h"

#include <bit>
#include <utility>

#include "core/error.h"
#include "core/graph/builder.h"

namespace ringway {
namespace {

static_assert(std::endian::native == std::endian::little, "memory images are read as they lie");

constexpr std::size_t kHeaderBytes = 17;
constexpr std::uint64_t kMostEdges = std::uint64_t{1} << 56;

}  // namespace

SerializedReader::SerializedReader(ReadOptions options, bool weighted)
    : options_(std::move(options)), weighted_(weighted), header_(kHeaderBytes) {}

void SerializedReader::feed(std::string_view chunk) {
  header_.fill(&chunk);
  if (!has_header_ && header_.complete()) take_header();
  offsets_.fill(&chunk);
  targets_.fill(&chunk);
  edges_.fill(&chunk);
  const std::uint64_t skipped = std::min<std::uint64_t>(skip_, chunk.size());
  skip_ -= skipped;
  if (skipped < chunk.size()) fail("there are bytes behind the last array that the header announces");
}

void SerializedReader::take_header() {
  const char* const at = header_.bytes().data();
  std::uint64_t edges;
  std::memcpy(&edges, at + 1, 8);
  std::memcpy(&nodes_, at + 9, 8);
  if (at[0] != 0 && at[0] != 1)
    fail("not a serialized graph: the first byte, whether it is directed, is not 0 or 1");
  if (nodes_ > kMaxNodes || edges > kMostEdges) {
    fail("the header announces " + std::to_string(static_cast<std::int64_t>(nodes_)) + " nodes and " +
         std::to_string(static_cast<std::int64_t>(edges)) + " edges; is this a serialized graph?");
  }
  directed_ = at[0] == 1;
  const std::uint64_t half = (nodes_ + 1) * 8 + edges * (weighted_ ? 8 : 4);
  const std::uint64_t whole = kHeaderBytes + half * (directed_ ? 2 : 1);
  if (options_.bytes && *options_.bytes != whole) {
    fail("the header announces " + std::to_string(nodes_) + " nodes and " + std::to_string(edges) +
         " edges, so " + std::to_string(whole) + " bytes, but the file has " +
         std::to_string(*options_.bytes));
  }
  offsets_ = Section<std::uint64_t>(nodes_ + 1);
  if (weighted_) {
    edges_ = Section<Edge>(edges);
  } else {
    targets_ = Section<std::int32_t>(edges);
  }
  skip_ = directed_ ? half : 0;
  has_header_ = true;
}

Graph::Ptr SerializedReader::finish() {
  if (header_.bytes().empty()) fail("the file is empty");
  if (!header_.complete() || !offsets_.complete() || !targets_.complete() || !edges_.complete() ||
      skip_ > 0) {
    fail("the file is cut off");
  }
  const bool keep_weights = options_.weighted.value_or(weighted_);
  if (keep_weights && !weighted_) fail("an .sg file has no weights, but weighted=True asks for them");
  const Array<Edge> pairs = edges_.release();
  const Array<std::int32_t> plain = targets_.release();
  const std::size_t count = weighted_ ? pairs.size() : plain.size();
  Array<std::uint32_t> targets(count);
  Array<double> weights(keep_weights ? count : 0);
  for (std::size_t i = 0; i < count; ++i) {
    targets[i] = static_cast<std::uint32_t>(weighted_ ? pairs[i].target : plain[i]);
    if (keep_weights) weights[i] = pairs[i].weight;
  }
  try {
    Graph::Ptr graph = Graph::from_csr(offsets_.release(), std::move(targets), std::move(weights));
    return directed_ && options_.directed == false ? both_ways(*graph) : graph;
  } catch (const Error& error) {
    fail(error.what());
  }
}

void SerializedReader::fail(const std::string& reason) const {
  throw Error(ErrorKind::kGraph, options_.name + ": " + reason);
}

}  // namespace ringway
