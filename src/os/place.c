/*
 * place.c - the kind of file system that a file is on, and what is safe there
 */
#include "os/place.h"

#include <stddef.h>
#include <sys/vfs.h>

/* The numbers stand in statfs(2), in the kernel's magic.h and, for those
 * outside the kernel, in the sources of stat(1). virtiofs and sshfs are FUSE
 * to the kernel, and have its number. */
static const struct blt__place places[] = {
    {0x65735546, "FUSE", 0},   {0x6969, "NFS", 1},
    {0xfe534d42, "SMB", 1}, /* SMB 2 and 3 */
    {0xff534d42, "SMB", 1}, /* CIFS */
    {0x517b, "SMB", 1},        {0x01021997, "9p", 1},
    {0x00c36400, "Ceph", 1},   {0x5346414f, "AFS", 1},
    {0x6b414653, "AFS", 1},    {0x73757245, "Coda", 1},
    {0x564c, "NCP", 1},        {0x0bd00bd0, "Lustre", 1},
    {0x47504653, "GPFS", 1},   {0x20030528, "OrangeFS", 1},
    {0xbacbacbc, "vmhgfs", 1}, {0x786f4256, "vboxsf", 1},
};

static const struct blt__place local = {0, "", 0};

const struct blt__place *blt__place_of(uint32_t type)
{
  for (size_t i = 0; i < sizeof places / sizeof *places; i++)
    if (places[i].type == type)
      return &places[i];
  return &local;
}

uint32_t blt__place_type(int fd)
{
  struct statfs fs;

  return fstatfs(fd, &fs) == 0 ? (uint32_t)fs.f_type : 0;
}

blt_status blt__place_judge(const struct blt__sink *sink, uint32_t type,
                            int is_permitted)
{
  const struct blt__place *place = blt__place_of(type);

  if (is_permitted || !place->is_network)
    return BLT_OK;
  return blt__fail(sink, BLT_E_NETWORK, BLT_NO_OFFSET,
                   "not written to: it is on %s, where the lock may not hold "
                   "off other machines; use a local disk, or set "
                   "options.network if no other machine writes to it",
                   place->name);
}
