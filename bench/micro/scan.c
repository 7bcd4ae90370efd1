/*
 * scan.c - walking all blocks: two reads a block, chunks, or a mapping
 *
 *   | 25 bytes of head: ..., key length, value length | key | value | ...
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/must.h"
#include "core/sink.h"
#include "micro/micro.h"

enum { N = 50000, HEAD = 25, BODY = 212, BLOCK = HEAD + BODY };
enum { CHUNK = 1 << 20 };

static void make_file(const char *path)
{
  char block[BLOCK];
  FILE *file = fopen(path, "w");
  must(file != NULL, "cannot write %s", path);
  for (uint32_t i = 0; i < N; i++) {
    const uint32_t body_len = BODY;
    memset(block, (int)('a' + i % 26), sizeof block);
    memcpy(block + HEAD - 4, &body_len, 4);
    fwrite(block, 1, sizeof block, file);
  }
  must(fclose(file) == 0, "cannot write %s", path);
}

static uint32_t body_len_of(const char *head)
{
  uint32_t len;
  memcpy(&len, head + HEAD - 4, 4);
  return len;
}

static uint64_t by_block(int fd)
{
  char head[HEAD], body[BODY];
  uint64_t sum = 0;
  off_t at = 0;
  while (pread(fd, head, HEAD, at) == HEAD) {
    const uint32_t len = body_len_of(head);
    must(pread(fd, body, len, at + HEAD) == (ssize_t)len, "short read");
    sum += mark_of(body, len);
    at += HEAD + len;
  }
  return sum;
}

static uint64_t by_chunk(int fd)
{
  static char chunk[CHUNK];
  char body[BODY];
  uint64_t sum = 0;
  off_t at = 0;
  ssize_t len;
  while ((len = pread(fd, chunk, CHUNK, at)) > HEAD) {
    ssize_t in = 0;
    while (len - in >= HEAD &&
           len - in >= HEAD + (ssize_t)body_len_of(chunk + in)) {
      const uint32_t body_len = body_len_of(chunk + in);
      memcpy(body, chunk + in + HEAD, body_len);
      sum += mark_of(body, body_len);
      in += HEAD + body_len;
    }
    at += in;
  }
  return sum;
}

static uint64_t by_map(int fd)
{
  const size_t file_len = (size_t)N * BLOCK;
  char body[BODY];
  uint64_t sum = 0;
  char *base = mmap(NULL, file_len, PROT_READ, MAP_SHARED, fd, 0);
  must(base != MAP_FAILED, "cannot map");
  for (size_t at = 0; at < file_len;) {
    const uint32_t len = body_len_of(base + at);
    memcpy(body, base + at + HEAD, len);
    sum += mark_of(body, len);
    at += HEAD + len;
  }
  munmap(base, file_len);
  return sum;
}

static void scan(void)
{
  static const struct {
    const char *name;
    uint64_t (*walk)(int fd);
  } ways[] = {{"two preads a block", by_block},
              {"chunks of 1 MiB", by_chunk},
              {"mapping", by_map}};
  char path[4096];
  micro_path(path, sizeof path, "scan");
  make_file(path);
  const int fd = open(path, O_RDONLY);
  must(fd >= 0, "cannot open %s", path);
  const uint64_t expected = by_block(fd);
  for (int i = 0; i < 3; i++) {
    const struct lap start = lap_start();
    const uint64_t sum = ways[i].walk(fd);
    micro_row("scan", ways[i].name, N, N, lap_since(start), sum == expected);
  }
  close(fd);
}

const struct micro micro_scan = {
    .name = "scan",
    .purpose = "walking all blocks of a 12 MB file in three ways",
    .run = scan,
};
