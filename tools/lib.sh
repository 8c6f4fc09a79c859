# Shell functions that the commands of this folder share. Sourced by a POSIX shell whose directory is the repository's root.

say() { printf '\n== %s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }
have() { command -v "$1" > /dev/null 2>&1; }

# Runs a command as root, or says which command a person with the right to should type.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif have sudo && { sudo -n true 2> /dev/null || [ -t 0 ]; }; then sudo "$@"
  else die "These packages are missing and this user may not install them. Ask an administrator for:
  $*"
  fi
}

# need_packages PACKAGE...: installs the Debian or Ubuntu packages that are missing.
need_packages() {
  missing=
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null | grep -qx installed || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  echo "installing:$missing"
  as_root apt-get update -qq
  # shellcheck disable=SC2086  # a list of names
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing > /dev/null
}

# need_tool CHECK DEBIAN_PACKAGES HINT: makes sure that the shell command CHECK succeeds, by apt where there is one.
need_tool() {
  if sh -c "$1" > /dev/null 2>&1; then return 0; fi
  # shellcheck disable=SC2086  # a list of names
  if have apt-get; then need_packages $2; fi
  sh -c "$1" > /dev/null 2>&1 || die "$3"
}

need_compiler() {
  need_tool 'echo "#include <span>" | ${CXX:-c++} -std=c++20 -x c++ -fsyntax-only -' g++ \
    "A C++20 compiler is missing: g++ 12 or later, clang 14 or later, or Apple's (xcode-select --install)."
}

# absent TOOL WHY: says that a check is left out; an error where RINGWAY_REQUIRE_TOOLS names the tool.
absent() {
  case " ${RINGWAY_REQUIRE_TOOLS:-} " in
    *" $1 "*) die "$1: $2, and RINGWAY_REQUIRE_TOOLS names it" ;;
  esac
  echo "$1: $2"
}

# Puts a virtual environment's programs first in PATH: the active one, else .venv in the repository's root.
use_venv() {
  if [ -n "${VIRTUAL_ENV:-}" ] && [ -x "$VIRTUAL_ENV/bin/python" ]; then
    PATH="$VIRTUAL_ENV/bin:$PATH"
  else
    need_tool 'python3 -c "import ensurepip, venv, sys; sys.exit(sys.version_info < (3, 10))"' "python3 python3-venv" \
      "Python 3.10 or later with its venv module is missing (macOS: brew install python)."
    .venv/bin/python -m pip --version > /dev/null 2>&1 || python3 -m venv --clear .venv
    VIRTUAL_ENV=$PWD/.venv
    PATH="$VIRTUAL_ENV/bin:$PATH"
  fi
  export VIRTUAL_ENV PATH
  need_tool 'python -c "import os, sysconfig, sys; sys.exit(not os.path.exists(sysconfig.get_path(\"include\") + \"/Python.h\"))"' \
    python3-dev "Python.h is missing: install the development files of $(python --version)."
}

# need_python GROUP...: installs what is missing of pyproject's requirements; asks no network when nothing is.
need_python() {
  missing=$(python tools/requirements.py "$@")
  [ -z "$missing" ] || printf '%s\n' "$missing" | python -m pip install -q --disable-pip-version-check -r /dev/stdin
}

# build_package [CMAKE_TARGET]: builds the wheel in build/py, which later runs reuse, and installs it.
build_package() {
  rm -rf build/dist
  python -m pip wheel -q --disable-pip-version-check --no-index --no-deps --no-build-isolation -w build/dist \
    -Cbuild-dir=build/py "$@" .
  python -m pip install -q --disable-pip-version-check --no-index --no-deps --force-reinstall build/dist/ringway-*.whl
}

# What tools/test needs beyond tools/quickstart.
need_test_packages() {
  if have apt-get; then
    need_packages libgtest-dev relacy-dev clang libclang-rt-dev
  else
    ! have brew || test -d "$(brew --prefix googletest)" || brew install --quiet googletest
    need_tool 'test -d "$(brew --prefix googletest)"' "" "GoogleTest is missing (macOS: brew install googletest)."
  fi
}

# What builds the software Metal device (tools/softmetal): clang 19, GNU's Objective-C runtime for it, and GNUstep.
need_softmetal_packages() {
  have apt-get || die "The software Metal device needs Debian or Ubuntu; configure with RINGWAY_METAL=OFF."
  for objc in libobjc-12-dev libobjc-13-dev libobjc-14-dev; do
    if apt-cache show "$objc" > /dev/null 2>&1; then break; fi
  done
  need_packages clang-19 lld-19 libclang-rt-19-dev llvm-19 "$objc" gobjc++ libgnustep-base-dev libblocksruntime-dev
}

# build_software_metal [CMAKE_OPTION...]: the package with the Metal backend on the software Metal device, in
# build/softmetal-site, beside the one that is installed.
build_software_metal() {
  need_softmetal_packages
  rm -rf build/softmetal-site
  python -m pip install -q --disable-pip-version-check --no-index --no-deps --no-build-isolation --target build/softmetal-site \
    -Cbuild-dir=build/py-softmetal -Ccmake.define.RINGWAY_METAL=SOFTWARE -Ccmake.define.RINGWAY_CUDA=OFF "$@" .
}
# Runs a command with that package, and the backend present.
with_software_metal() {
  env PYTHONPATH="$PWD/build/softmetal-site" RINGWAY_METAL=software "$@"
}

# ThreadSanitizer of older compilers cannot map its shadow on kernels that randomise addresses widely.
without_address_randomisation() {
  if have setarch && setarch -R true 2> /dev/null; then setarch -R "$@"; else "$@"; fi
}
