/*
 * input.h - what a fuzzer's bytes mean
 *
 *   | image of a file ............ | script ........ | length of the script |
 *                                                       one byte
 *
 * The script says how the file is opened and what is done to it; a target
 * takes byte after byte from it, and zeros when there are none left.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

struct input {
  const uint8_t *image, *script;
  size_t image_len, script_len;
};

static inline struct input input_of(const uint8_t *data, size_t size)
{
  size_t n = size == 0 ? 0 : data[size - 1];

  if (n > (size == 0 ? 0 : size - 1))
    n = size - 1;
  const size_t image_len = size == 0 ? 0 : size - 1 - n;
  return (struct input){data, data + image_len, image_len, n};
}

static inline uint8_t input_next(struct input *input)
{
  if (input->script_len == 0)
    return 0;
  input->script_len--;
  return *input->script++;
}

#endif
