#include "core/graph/reader.h"

#include <utility>

#include "core/error.h"
#include "core/graph/read_edge_list.h"
#include "core/graph/read_matrix_market.h"
#include "core/graph/read_serialized.h"
#include "core/graph/saved.h"

namespace ringway {

std::unique_ptr<GraphReader> make_graph_reader(GraphFormat format, ReadOptions options) {
  const bool is_text = format == GraphFormat::kEdgeList || format == GraphFormat::kTable;
  if (!is_text && (options.compact || options.header)) {
    throw Error(ErrorKind::kInvalidOption, options.name + ": " + (options.compact ? "compact" : "header") +
                                               " is an option of edge lists and tables; leave it out");
  }
  switch (format) {
    case GraphFormat::kMatrixMarket: return std::make_unique<MatrixMarketReader>(std::move(options));
    case GraphFormat::kEdgeList: return std::make_unique<EdgeListReader>(std::move(options), false);
    case GraphFormat::kTable: return std::make_unique<EdgeListReader>(std::move(options), true);
    case GraphFormat::kSerialized: return std::make_unique<SerializedReader>(std::move(options), false);
    case GraphFormat::kWeightedSerialized:
      return std::make_unique<SerializedReader>(std::move(options), true);
    case GraphFormat::kSaved: break;
  }
  return std::make_unique<SavedGraphReader>(std::move(options));
}

GraphFormat sniff_graph_format(std::string_view beginning) {
  if (beginning.starts_with(kSavedMagic)) return GraphFormat::kSaved;
  if (beginning.starts_with("%%MatrixMarket")) return GraphFormat::kMatrixMarket;
  while (beginning.starts_with('#') || beginning.starts_with('%')) {
    const std::size_t end = beginning.find('\n');
    beginning.remove_prefix(end == std::string_view::npos ? beginning.size() : end + 1);
  }
  const std::string_view line = beginning.substr(0, beginning.find('\n'));
  const bool is_plain = line.find_first_not_of("0123456789.eE+- \t\r") == std::string_view::npos;
  const bool is_table = !is_plain && line.find_first_of(",;\t") != std::string_view::npos;
  return is_table ? GraphFormat::kTable : GraphFormat::kEdgeList;
}

}  // namespace ringway
