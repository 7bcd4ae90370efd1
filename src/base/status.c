/*
 * status.c - names and sentences of the status codes
 */
#include "blt.h"

BLT_API const char *blt_status_name(blt_status status)
{
  switch ((int)status) {
#define NAME(name, number, sentence)                                           \
  case number:                                                                 \
    return "BLT_" #name;
    BLT_STATUS_MAP(NAME)
#undef NAME
  default:
    return "BLT_E_?";
  }
}

BLT_API const char *blt_status_message(blt_status status)
{
  switch ((int)status) {
#define MESSAGE(name, number, sentence)                                        \
  case number:                                                                 \
    return sentence;
    BLT_STATUS_MAP(MESSAGE)
#undef MESSAGE
  default:
    return "an unknown status";
  }
}

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

BLT_API const char *blt_version(void)
{
  return TEXT(BLT_VERSION_MAJOR) "." TEXT(BLT_VERSION_MINOR) "." TEXT(
      BLT_VERSION_PATCH);
}
