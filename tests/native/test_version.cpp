#include <fstream>
#include <string>

#include "core/version.h"
#include "gtest/gtest.h"

TEST(Version, IsTheOneInPyproject) {
  std::ifstream file(RINGWAY_SOURCE_DIR "/pyproject.toml");
  const std::string wanted = std::string("version = \"") + ringway::version() + "\"";
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind("version = ", 0) == 0) break;
  }
  EXPECT_EQ(line, wanted);
}
