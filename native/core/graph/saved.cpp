#include "core/graph/saved.h"

#include <bit>
#include <cstddef>
#include <utility>

#include "core/error.h"
#include "core/graph/builder.h"
#include "core/graph/crc32.h"

namespace ringway {
namespace {

static_assert(std::endian::native == std::endian::little, "sections are written and read as they lie");

constexpr std::array kSectionNames{"offsets", "targets", "weights", "label offsets", "label bytes"};
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 58;

template <class T>
std::string_view bytes_of(std::span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

std::uint32_t header_checksum(const SavedHeader& header) {
  return crc32({reinterpret_cast<const char*>(&header), offsetof(SavedHeader, checksum)});
}

}  // namespace

std::vector<std::string_view> saved_sections(const Graph& graph) {
  std::vector<std::string_view> sections{
      bytes_of(graph.offsets()), bytes_of(graph.targets()), bytes_of(graph.weights()), {}, {}};
  if (const Labels* labels = graph.labels()) {
    sections[3] = bytes_of(std::span<const std::uint64_t>(labels->offsets()));
    sections[4] = labels->bytes();
  }
  return sections;
}

SavedHeader saved_header(const Graph& graph) {
  SavedHeader header{};
  kSavedMagic.copy(header.magic, sizeof(header.magic));
  header.version = kSavedVersion;
  header.flags = (graph.has_weights() ? kSavedWeights : 0) | (graph.labels() != nullptr ? kSavedLabels : 0);
  header.nodes = graph.num_nodes();
  header.edges = graph.num_edges();
  const std::vector<std::string_view> sections = saved_sections(graph);
  header.label_bytes = sections[4].size();
  for (std::size_t i = 0; i < sections.size(); ++i) header.checksums[i] = crc32(sections[i]);
  header.checksum = header_checksum(header);
  return header;
}

SavedGraphReader::SavedGraphReader(ReadOptions options)
    : options_(std::move(options)), header_bytes_(sizeof(SavedHeader)) {}

void SavedGraphReader::feed(std::string_view chunk) {
  header_bytes_.fill(&chunk);
  if (!has_header_ && header_bytes_.complete()) take_header();
  if (!has_header_) return;
  take(&offsets_, &filling_[0], &chunk);
  take(&targets_, &filling_[1], &chunk);
  take(&weights_, &filling_[2], &chunk);
  take(&label_offsets_, &filling_[3], &chunk);
  take(&label_bytes_, &filling_[4], &chunk);
  if (!chunk.empty()) fail("there are bytes behind the last section");
}

template <class T>
void SavedGraphReader::take(Section<T>* section, Section<char>* filling, std::string_view* chunk) {
  section->fill(chunk);
  filling->fill(chunk);
}

void SavedGraphReader::take_header() {
  std::memcpy(&header_, header_bytes_.bytes().data(), sizeof(header_));
  if (std::string_view(header_.magic, sizeof(header_.magic)) != kSavedMagic)
    fail("not a graph saved by ringway");
  if (header_.version != kSavedVersion) {
    fail("version " + std::to_string(header_.version) + " of the format; this ringway reads version " +
         std::to_string(kSavedVersion) + ", so save the graph anew or use the ringway that saved it");
  }
  if (header_.checksum != header_checksum(header_)) fail("the header is damaged (checksum)");
  const bool weighted = (header_.flags & kSavedWeights) != 0;
  const bool labelled = (header_.flags & kSavedLabels) != 0;
  if (header_.nodes > kMaxNodes || header_.edges > kMostBytes / 8 || header_.label_bytes > kMostBytes) {
    fail("the header announces more than a graph may hold");
  }
  offsets_ = Section<std::uint64_t>(header_.nodes + 1);
  targets_ = Section<std::uint32_t>(header_.edges);
  weights_ = Section<double>(weighted ? header_.edges : 0);
  label_offsets_ = Section<std::uint64_t>(labelled ? header_.nodes + 1 : 0);
  label_bytes_ = Section<char>(labelled ? header_.label_bytes : 0);
  const std::array<std::uint64_t, 5> sizes{offsets_.missing(), targets_.missing(), weights_.missing(),
                                           label_offsets_.missing(), label_bytes_.missing()};
  std::uint64_t whole = sizeof(SavedHeader);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    filling_[i] = Section<char>(saved_filling(sizes[i]));
    whole += sizes[i] + saved_filling(sizes[i]);
  }
  if (options_.bytes && *options_.bytes != whole) {
    fail("the header announces " + std::to_string(whole) + " bytes, but the file has " +
         std::to_string(*options_.bytes));
  }
  has_header_ = true;
}

void SavedGraphReader::check(std::size_t i, std::string_view bytes) const {
  const bool filled_with_zeros = filling_[i].bytes().find_first_not_of('\0') == std::string_view::npos;
  if (crc32(bytes) != header_.checksums[i] || !filled_with_zeros) {
    fail(std::string("the section of ") + kSectionNames[i] + " is damaged (checksum)");
  }
}

Graph::Ptr SavedGraphReader::finish() {
  if (header_bytes_.bytes().empty()) fail("the file is empty");
  if (!has_header_ || !label_bytes_.complete() || !filling_[4].complete() || !weights_.complete() ||
      !filling_[1].complete()) {
    fail("the file is cut off");
  }
  if (options_.weighted == true && (header_.flags & kSavedWeights) == 0) {
    fail("the graph was saved without weights, but weighted=True asks for them");
  }
  check(0, offsets_.bytes());
  check(1, targets_.bytes());
  check(2, weights_.bytes());
  check(3, label_offsets_.bytes());
  check(4, label_bytes_.bytes());
  try {
    std::optional<Labels> labels;
    if ((header_.flags & kSavedLabels) != 0) {
      const Array<std::uint64_t> offsets = label_offsets_.release();
      labels.emplace(std::vector<std::uint64_t>(offsets.data(), offsets.data() + offsets.size()),
                     std::string(label_bytes_.bytes()));
    }
    const bool keep_weights = options_.weighted.value_or(true);
    Graph::Ptr graph =
        Graph::from_csr(offsets_.release(), targets_.release(),
                        keep_weights ? weights_.release() : Array<double>(), std::move(labels));
    return options_.directed == false ? both_ways(*graph) : graph;
  } catch (const Error& error) {
    fail(error.what());
  }
}

void SavedGraphReader::fail(const std::string& reason) const {
  throw Error(ErrorKind::kGraph, options_.name + ": " + reason);
}

}  // namespace ringway
