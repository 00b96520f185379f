// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// A child to be supervised: says when it began, then waits. The line goes to a fifo in one write, so that those of many
// children do not mix: its pid and the nanoseconds of CLOCK_MONOTONIC.
// usage: born FIFO
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int count, char **arguments) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (count != 2) return 2;
  int fifo = open(arguments[1], O_WRONLY);
  if (fifo < 0) return 1;
  char line[64];
  int length = snprintf(line, sizeof line, "%d %lld\n", getpid(), now.tv_sec * 1000000000LL + now.tv_nsec);
  if (write(fifo, line, (size_t)length) != length) return 1;
  close(fifo);
  for (;;) pause();
}
