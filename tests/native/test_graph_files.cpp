// The readers of graph files: what they make of each format, however the bytes are cut, and what they refuse.
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "core/error.h"
#include "core/graph/crc32.h"
#include "core/graph/reader.h"
#include "core/graph/saved.h"

namespace ringway {
namespace {

using Edge = std::tuple<std::uint32_t, std::uint32_t, double>;

std::vector<Edge> edges_of(const Graph& graph) {
  std::vector<Edge> edges;
  for (std::uint32_t node = 0; node < graph.num_nodes(); ++node) {
    for (std::uint64_t edge = graph.offsets()[node]; edge < graph.offsets()[node + 1]; ++edge) {
      edges.emplace_back(node, graph.targets()[edge], graph.has_weights() ? graph.weights()[edge] : 1.0);
    }
  }
  return edges;
}

Graph::Ptr read(GraphFormat format, std::string_view content, ReadOptions options = {},
                std::size_t chunk = std::string_view::npos) {
  options.name = "file";
  const std::unique_ptr<GraphReader> reader = make_graph_reader(format, options);
  for (std::size_t at = 0; at < content.size(); at += std::min(chunk, content.size())) {
    reader->feed(content.substr(at, chunk));
  }
  return reader->finish();
}

std::string refusal(GraphFormat format, std::string_view content, const ReadOptions& options = {}) {
  try {
    read(format, content, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "read without an error";
}

template <class... T>
std::string image(const T&... values) {
  std::string bytes;
  (bytes.append(reinterpret_cast<const char*>(&values), sizeof(values)), ...);
  return bytes;
}

std::string serialized(bool directed) {
  using Offset = std::int64_t;
  using Node = std::int32_t;
  const std::string half = image(Offset{0}, Offset{2}, Offset{2}, Offset{3}, Node{1}, Node{2}, Node{2});
  return image(static_cast<char>(directed), Offset{3}, Offset{3}) + half + (directed ? half : "");
}

std::string saved(const Graph& graph) {
  std::string bytes = image(saved_header(graph));
  for (const std::string_view section : saved_sections(graph)) {
    bytes += section;
    bytes.append(saved_filling(section.size()), '\0');
  }
  return bytes;
}

std::string saved_sample() {
  Labels labels;
  for (const char* name : {"a", "bb", "é"}) labels.intern(name);
  const std::vector<std::uint32_t> src{2, 0, 2};
  const std::vector<std::uint32_t> dst{1, 0, 1};
  const std::vector<double> weight{1.5, 2.0, 0.0};
  return saved(*Graph::from_edges(EdgeSpan{src, dst, weight}, 3, labels));
}

struct Sample {
  GraphFormat format;
  std::string content;
  std::vector<Edge> edges;
  ReadOptions options = {};
};

const std::vector<Sample>& samples() {
  static const std::vector<Sample> all{
      {GraphFormat::kMatrixMarket,
       "%%MatrixMarket matrix coordinate real general\n% made by hand\n\n3 3 4\n1 2 0.5\n3\t1  2e1\r\n\n3 1 "
       "1\n2 2 0\n",
       {{0, 1, 0.5}, {1, 1, 0}, {2, 0, 20}, {2, 0, 1}}},
      {GraphFormat::kMatrixMarket,
       "%%matrixmarket MATRIX Coordinate Pattern Symmetric\n3 3 3\n2 1\n3 3\n3 2",
       {{0, 1, 1}, {1, 0, 1}, {1, 2, 1}, {2, 2, 1}, {2, 1, 1}}},
      {GraphFormat::kMatrixMarket,
       "%%MatrixMarket matrix coordinate integer skew-symmetric\n2 2 1\n2 1 -3\n",
       {{0, 1, 1}, {1, 0, 1}},
       {.weighted = false}},
      {GraphFormat::kMatrixMarket, "%%MatrixMarket matrix coordinate pattern general\n0 0 0\n", {}},
      {GraphFormat::kEdgeList,
       "# Directed graph\n# Nodes: 3\n0\t1\n\n2 0\n# between\n0 0\n",
       {{0, 1, 1}, {0, 0, 1}, {2, 0, 1}}},
      {GraphFormat::kEdgeList, "# Undirected graph: x.txt\n0 1\n1 1\n", {{0, 1, 1}, {1, 0, 1}, {1, 1, 1}}},
      {GraphFormat::kEdgeList, "# Undirected graph\n0 1\n", {{0, 1, 1}}, {.directed = true}},
      {GraphFormat::kEdgeList, "0 1 2.5\n1 0 7\n 1 1 .25 \n", {{0, 1, 2.5}, {1, 0, 7}, {1, 1, 0.25}}},
      {GraphFormat::kEdgeList, "0 1 x\n1 0\n", {{0, 1, 1}, {1, 0, 1}}, {.weighted = false}},
      {GraphFormat::kEdgeList, "a b\nb c\n10 a\n", {{0, 1, 1}, {1, 2, 1}, {3, 0, 1}}},
      {GraphFormat::kEdgeList, "76561198000000000 5\n5 7\n", {{0, 1, 1}, {1, 2, 1}}, {.compact = true}},
      {GraphFormat::kEdgeList, "0 1 {}\n1 2 {'weight': 2.5, 'x': 1}\n", {{0, 1, 1}, {1, 2, 2.5}}},
      {GraphFormat::kEdgeList, "0 1", {{0, 1, 1}}},
      {GraphFormat::kTable, "source,target,weight\na,b,1.5\nb,a,2\n", {{0, 1, 1.5}, {1, 0, 2}}},
      {GraphFormat::kTable, "id,weight,TO,from\nx,3,1,0\ny,4,0,1\n", {{0, 1, 3}, {1, 0, 4}}},
      {GraphFormat::kTable, "\xEF\xBB\xBFone,two\r\n0,1\r\n1,0\r\n", {{0, 1, 1}, {1, 0, 1}}},
      {GraphFormat::kTable, "\"a, \"\"b\"\"\" , c\nc,\"a, \"\"b\"\"\"\n", {{0, 1, 1}, {1, 0, 1}}},
      {GraphFormat::kTable, "# head\na\t#b\n#b\ta\n", {{0, 1, 1}, {1, 0, 1}}},
      {GraphFormat::kTable, "\";;\",\";;\"\n", {{0, 0, 1}}},
      {GraphFormat::kTable, "0;1;2\n1;0;3\n", {{0, 1, 2}, {1, 0, 3}}},
      {GraphFormat::kTable, "0,1\n", {{0, 1, 1}, {1, 0, 1}}, {.directed = false}},
      {GraphFormat::kTable, "a,b\nc,d\n", {{0, 1, 1}}, {.header = true}},
      {GraphFormat::kTable, "source,target\n", {}},
      {GraphFormat::kSerialized, serialized(true), {{0, 1, 1}, {0, 2, 1}, {2, 2, 1}}},
      {GraphFormat::kSerialized, serialized(false), {{0, 1, 1}, {0, 2, 1}, {2, 2, 1}}},
      {GraphFormat::kSerialized,
       serialized(true),
       {{0, 1, 1}, {0, 2, 1}, {1, 0, 1}, {2, 0, 1}, {2, 2, 1}},
       {.directed = false}},
      {GraphFormat::kWeightedSerialized,
       image('\0', std::int64_t{1}, std::int64_t{1}, std::int64_t{0}, std::int64_t{1}, std::int32_t{0},
             std::int32_t{9}),
       {{0, 0, 9}}},
      {GraphFormat::kSaved, saved_sample(), {{0, 0, 2}, {2, 1, 1.5}, {2, 1, 0}}},
      {GraphFormat::kSaved, saved_sample(), {{0, 0, 1}, {2, 1, 1}, {2, 1, 1}}, {.weighted = false}},
  };
  return all;
}

TEST(GraphFiles, AreReadWhereverTheChunksEnd) {
  for (const Sample& sample : samples()) {
    for (std::size_t chunk = 1; chunk <= sample.content.size(); ++chunk) {
      const Graph::Ptr graph = read(sample.format, sample.content, sample.options, chunk);
      ASSERT_EQ(edges_of(*graph), sample.edges) << sample.content << "\nin chunks of " << chunk;
    }
  }
}

TEST(GraphFiles, BinaryFormsGrowAsTheyArrive) {
  constexpr std::uint32_t kEdges = 300'000;
  std::vector<std::uint32_t> src(kEdges);
  std::vector<std::uint32_t> dst(kEdges);
  for (std::uint32_t i = 0; i < kEdges; ++i) {
    src[i] = i / 3;
    dst[i] = i * 7 % (kEdges / 3);
  }
  const Graph::Ptr graph = Graph::from_edges(EdgeSpan{src, dst, {}});
  EXPECT_EQ(edges_of(*read(GraphFormat::kSaved, saved(*graph), {}, 50'001)), edges_of(*graph));
}

TEST(GraphFiles, KeepLabels) {
  const Graph::Ptr table = read(GraphFormat::kTable, "\"a, \"\"b\"\"\" , c\nc,\xC3\xA9\n");
  ASSERT_NE(table->labels(), nullptr);
  EXPECT_EQ((*table->labels())[0], "a, \"b\"");
  EXPECT_EQ(table->labels()->find("\xC3\xA9"), 2U);
  const Graph::Ptr again = read(GraphFormat::kSaved, saved(*table));
  EXPECT_EQ((*again->labels())[0], "a, \"b\"");
  EXPECT_EQ(read(GraphFormat::kEdgeList, "0 1\n")->labels(), nullptr);
}

TEST(GraphFiles, SniffTheFormat) {
  EXPECT_EQ(sniff_graph_format("%%MatrixMarket matrix"), GraphFormat::kMatrixMarket);
  EXPECT_EQ(sniff_graph_format(saved_sample()), GraphFormat::kSaved);
  EXPECT_EQ(sniff_graph_format("# x, y\n0\t1\n"), GraphFormat::kEdgeList);
  EXPECT_EQ(sniff_graph_format("# x\na b\tc\n"), GraphFormat::kTable);
  EXPECT_EQ(sniff_graph_format("0,1"), GraphFormat::kTable);
  EXPECT_EQ(sniff_graph_format(""), GraphFormat::kEdgeList);
}

struct Refused {
  GraphFormat format;
  std::string content;
  std::string error;  // what it begins with
  ReadOptions options = {};
};

TEST(GraphFiles, SayWhereAndWhy) {
  const std::string banner = "%%MatrixMarket matrix coordinate real general\n";
  const std::vector<Refused> cases{
      {GraphFormat::kMatrixMarket, "", "file: the file is empty"},
      {GraphFormat::kMatrixMarket, "1 1 1\n", "file:1: not a Matrix Market file"},
      {GraphFormat::kMatrixMarket, "%%MatrixMarket matrix array real general\n", "file:1: format 'array'"},
      {GraphFormat::kMatrixMarket, "%%MatrixMarket matrix coordinate complex general\n",
       "file:1: field 'complex'"},
      {GraphFormat::kMatrixMarket, "%%MatrixMarket matrix coordinate real hermitian\n",
       "file:1: symmetry 'hermitian'"},
      {GraphFormat::kMatrixMarket, "%%MatrixMarket matrix coordinate real skew-symmetric\n",
       "file:1: half the entries"},
      {GraphFormat::kMatrixMarket, banner, "file:1: the file ends before its line of rows"},
      {GraphFormat::kMatrixMarket, banner + "2 2\n", "file:2: this line must hold three numbers"},
      {GraphFormat::kMatrixMarket, banner + "2 -2 1\n", "file:2: '-2' is not a count"},
      {GraphFormat::kMatrixMarket, banner + "2 3 1\n", "file:2: the matrix is not square"},
      {GraphFormat::kMatrixMarket, banner + "99999999999999999999999 99999999999999999999999 1\n",
       "file:2: a graph of"},
      {GraphFormat::kMatrixMarket, banner + "4000000000 4000000000 1\n",
       "file:2: a graph of 4000000000 nodes with only"},
      {GraphFormat::kMatrixMarket,
       banner + "9 9 1000000\n",
       "file:2: 1000000 entries cannot be",
       {.bytes = 60}},
      {GraphFormat::kMatrixMarket, banner + "2 2 2\n1 1 1\n", "file:3: the file ends after 1 of 2 entries"},
      {GraphFormat::kMatrixMarket, banner + "2 2 1\n1 1 1\n1 2 1\n", "file:4: more than the 1 entries"},
      {GraphFormat::kMatrixMarket, banner + "2 2 1\n0 1 1\n", "file:3: row '0' is not from 1 to 2"},
      {GraphFormat::kMatrixMarket, banner + "2 2 1\n1 3 1\n", "file:3: column '3' is not from 1 to 2"},
      {GraphFormat::kMatrixMarket, banner + "2 2 1\n1 -1 1\n", "file:3: '-1' is not a column number"},
      {GraphFormat::kMatrixMarket, banner + "2 2 1\n1 1\n", "file:3: no value"},
      {GraphFormat::kMatrixMarket, banner + "2 2 1\n1 1 -1\n", "file:3: '-1' is not a weight"},
      {GraphFormat::kMatrixMarket, banner + "2 2 1\n1 1 nan\n", "file:3: 'nan' is not a weight"},
      {GraphFormat::kMatrixMarket, banner + "2 2 1\n1 1 1e999\n", "file:3: '1e999' is not a weight"},
      {GraphFormat::kMatrixMarket, banner + "2 2 1\n1 1 1 1\n", "file:3: more than row, column and value"},
      {GraphFormat::kMatrixMarket, banner + "2 2 1\n1\n", "file:3: '' is not a column number"},
      {GraphFormat::kEdgeList, "", "file: the file is empty"},
      {GraphFormat::kEdgeList, "0 1\n0\n", "file:2: columns: 1, but the lines before have 2"},
      {GraphFormat::kEdgeList, "0\n", "file:1: 1 column where an edge needs source and target"},
      {GraphFormat::kEdgeList, "0 1\n0 1 2\n", "file:2: columns: 3, but"},
      {GraphFormat::kEdgeList, "0 1\n\n0 -1\n", "file:3: '-1' is not a node number; pass compact=True"},
      {GraphFormat::kEdgeList, "-1 1\n", "file:1: '-1' is not a node number"},
      {GraphFormat::kEdgeList, "0 1.5\n", "file:1: '1.5' is not a node number"},
      {GraphFormat::kEdgeList, "0 4294967294\n",
       "file:1: node number '4294967294' is above the limit of 4294967293"},
      {GraphFormat::kEdgeList, "0 99999999999999999999\n",
       "file:1: node number '99999999999999999999' is above"},
      {GraphFormat::kEdgeList, "0 4000000000\n", "file: node 4000000000 with only 1 edges"},
      {GraphFormat::kEdgeList, "0 1 x\n", "file:1: 'x' in column 3 is not a weight; pass weighted=False"},
      {GraphFormat::kEdgeList, "0 1 1\n0 1 inf\n", "file:2: 'inf' is not a weight"},
      {GraphFormat::kEdgeList, "0 1 1\n0 1 -2\n", "file:2: '-2' is not a weight"},
      // Later lines take the short way, which must refuse the same.
      {GraphFormat::kEdgeList, "0 1 1\n0 1 1\n0 1 -2\n", "file:3: '-2' is not a weight"},
      {GraphFormat::kEdgeList, "0 1\n0 1\n0 4294967294\n", "file:3: node number '4294967294' is above"},
      {GraphFormat::kEdgeList, "0 1\n0 1\n0 18446744073709551621\n",
       "file:3: node number '18446744073709551621'"},
      {GraphFormat::kEdgeList, "0 1\n0 1\n0 1x\n", "file:3: '1x' is not a node number"},
      {GraphFormat::kEdgeList, "0 1\n0 1\n0 1 2\n", "file:3: columns: 3, but"},
      {GraphFormat::kMatrixMarket, banner + "2 2 1\n18446744073709551617 1 1\n",
       "file:3: row '18446744073709551617'"},
      {GraphFormat::kEdgeList, "0 1\n", "file:1: no weight column", {.weighted = true}},
      {GraphFormat::kEdgeList, "0 1\na b\n", "file:2: 'a' is not a node number"},
      {GraphFormat::kEdgeList, std::string("\x7F\x45\x4C\x46\0\1\0 \xFF", 9),
       "file:1: '\\x7fELF\\x00\\x01\\x00' holds a zero"},
      {GraphFormat::kEdgeList, "a \xFF\n", "file:1: a label is not UTF-8 text"},
      {GraphFormat::kEdgeList, std::string(2 << 20, 'x'), "file:1: the line is longer than"},
      {GraphFormat::kTable, "a,b\na,\n", "file:2: an empty label"},
      {GraphFormat::kTable, "a,b\n\"a,b\n", "file:2: a quoted field does not end on its line"},
      {GraphFormat::kTable, "a,b\n\"a\"x,b\n", "file:2: text after the closing quote"},
      {GraphFormat::kTable, "a b\n",
       "file:1: 1 column where an edge needs source and target; columns are parted by ','"},
      {GraphFormat::kTable, "source,target,weight\n0,1,\n", "file:2: '' in column 3 is not a weight"},
      {GraphFormat::kTable, "source,target,weight\n0,1,2\n1,0,\n", "file:3: '' is not a weight"},
      {GraphFormat::kSerialized, "", "file: the file is empty"},
      {GraphFormat::kSerialized, "abcdefghijklmnopqrst", "file: not a serialized graph"},
      {GraphFormat::kSerialized, image('\1', std::int64_t{-1}, std::int64_t{2}),
       "file: the header announces 2 nodes and -1"},
      {GraphFormat::kSerialized, image('\0', std::int64_t{1} << 50, std::int64_t{2}),
       "file: the file is cut off"},
      {GraphFormat::kSerialized,
       image('\0', std::int64_t{5}, std::int64_t{5}),
       "file: the header announces 5 nodes",
       {.bytes = 17}},
      {GraphFormat::kSerialized, serialized(true) + "x", "file: there are bytes behind"},
      {GraphFormat::kSerialized, serialized(true), "file: an .sg file has no weights", {.weighted = true}},
      {GraphFormat::kSerialized,
       image('\0', std::int64_t{1}, std::int64_t{1}, std::int64_t{0}, std::int64_t{1}, std::int32_t{-1}),
       "file: edge 0 points to node 4294967295 in a graph of 1 nodes"},
      {GraphFormat::kSerialized,
       image('\0', std::int64_t{1}, std::int64_t{1}, std::int64_t{0}, std::int64_t{1}, std::int32_t{1}),
       "file: edge 0 points to node 1 in a graph of 1 nodes"},
      {GraphFormat::kSerialized,
       image('\0', std::int64_t{1}, std::int64_t{2}, std::int64_t{0}, std::int64_t{9}, std::int64_t{1},
             std::int32_t{0}),
       "file: offsets go backwards at node 1"},
      {GraphFormat::kWeightedSerialized,
       image('\0', std::int64_t{1}, std::int64_t{1}, std::int64_t{0}, std::int64_t{1}, std::int32_t{0},
             std::int32_t{-2}),
       "file: weight -2"},
      {GraphFormat::kSaved, "", "file: the file is empty"},
      {GraphFormat::kSaved, std::string(64, 'x'), "file: not a graph saved by ringway"},
      {GraphFormat::kSaved, saved_sample() + "x", "file: there are bytes behind"},
      {GraphFormat::kSaved, saved_sample(), "file: the header announces 176 bytes", {.bytes = 183}},
  };
  for (const Refused& refused : cases) {
    const std::string error = refusal(refused.format, refused.content, refused.options);
    EXPECT_EQ(error.substr(0, refused.error.size()), refused.error) << refused.content.substr(0, 200);
  }
}

TEST(GraphFiles, OptionsOfTextFormatsAreRefusedElsewhere) {
  EXPECT_EQ(refusal(GraphFormat::kSaved, "", {.compact = true}).substr(0, 13), "file: compact");
  EXPECT_EQ(refusal(GraphFormat::kMatrixMarket, "", {.header = false}).substr(0, 12), "file: header");
}

TEST(GraphFiles, BinaryFormsCutAnywhereAreRefused) {
  for (const auto& [format, content] : {std::pair(GraphFormat::kSerialized, serialized(true)),
                                        std::pair(GraphFormat::kSaved, saved_sample())}) {
    for (std::size_t size = 0; size < content.size(); ++size) {
      EXPECT_NE(refusal(format, content.substr(0, size)), "read without an error") << size;
    }
  }
}

TEST(GraphFiles, EveryDamagedBitOfTheSavedFormShows) {
  const std::string whole = saved_sample();
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_NE(refusal(GraphFormat::kSaved, damaged), "read without an error") << "byte " << bit / 8;
  }
}

TEST(GraphFiles, ChecksumsAreCrc32) {
  EXPECT_EQ(crc32(""), 0U);
  EXPECT_EQ(crc32("123456789"), 0xCBF43926U);
  EXPECT_EQ(crc32("The quick brown fox jumps over the lazy dog"), 0x414FA339U);
}

// Whatever the bytes: a graph or an Error, in little memory; the sanitizers see the rest.
TEST(GraphFiles, RandomlyChangedInputNeverCrashes) {
  std::mt19937 random(7);
  const std::string pieces = "0123456789 \t\n\r,;#%\"{}-+.eEaz\xC3\xA9\xFF";
  for (int round = 0; round < 20'000; ++round) {
    const Sample& sample = samples()[random() % samples().size()];
    std::string content = sample.content;
    for (std::size_t change = random() % 4 + 1; change > 0 && !content.empty(); --change) {
      const std::size_t at = random() % content.size();
      switch (random() % 4) {
        case 0: content[at] = static_cast<char>(random()); break;
        case 1: content[at] = pieces[random() % pieces.size()]; break;
        case 2: content.erase(at, random() % 8); break;
        default: content.insert(at, 1, pieces[random() % pieces.size()]); break;
      }
    }
    const auto format =
        static_cast<GraphFormat>(random() % 8 == 0 ? random() % 6 : static_cast<int>(sample.format));
    try {
      const Graph::Ptr graph = read(format, content, {}, random() % 40 + 1);
      ASSERT_LT(graph->num_nodes(), std::uint32_t{1} << 21);
    } catch (const Error& error) {
      ASSERT_EQ(std::string(error.what()).substr(0, 4), "file") << error.what();
    }
  }
}

}  // namespace
}  // namespace ringway
