// Graph files, read as a stream of chunks: whoever opens the file feeds its (decompressed) bytes, in pieces
// of any size, and gets the graph at the end. Every failure is an Error(kGraph) that begins with "file:line:"
// or "file:".
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/graph/graph.h"

namespace ringway {

enum class GraphFormat {
  kMatrixMarket,        // .mtx: row and column numbers from 1
  kEdgeList,            // .el, .wel, SNAP's .txt: columns parted by blanks
  kTable,               // .csv, .tsv: columns parted by one character, quotes, header
  kSerialized,          // .sg: GAP's memory image
  kWeightedSerialized,  // .wsg
  kSaved,               // .rwg: Graph.save
};

// Where a field is empty the file decides.
struct ReadOptions {
  std::string name = {};                    // of the file, for errors
  std::optional<std::uint64_t> bytes = {};  // length of the whole input, where it is known
  std::optional<bool> directed = {};        // false: every edge counts both ways
  std::optional<bool> weighted = {};        // false: no weights; true: a file without them is an error
  std::optional<bool> compact = {};         // true: ids are labels, nodes by first appearance; false: numbers
  std::optional<bool> header = {};          // the first line of a table names its columns
  char delimiter = 0;  // of a table; 0: the commonest of tab, comma and semicolon in its first line
};

class GraphReader {
 public:
  virtual ~GraphReader() = default;
  virtual void feed(std::string_view chunk) = 0;
  virtual Graph::Ptr finish() = 0;  // once, after the last chunk
};

// Throws Error(kInvalidOption) when the format has no such option.
std::unique_ptr<GraphReader> make_graph_reader(GraphFormat format, ReadOptions options);

// The format of content that begins so; formats that have no mark of their own are not found.
GraphFormat sniff_graph_format(std::string_view beginning);

}  // namespace ringway
