// GNUstep asks for this name; the runtime of Debian calls it Block.h.
#include <Block.h>
