// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The doors of a sandbox: sockets of its network that the node serves. A program connects to an address of its own
// loopback, and whoever holds the other side decides where that leads.
#include "BoxInternal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 256

/// Reads `127.0.0.1:4201`.
static bool read_place(const char *text, struct sockaddr_in *place) {
  char address[INET_ADDRSTRLEN];
  const char *colon = strrchr(text, ':');
  if (!colon || (size_t)(colon - text) >= sizeof address) return false;
  memcpy(address, text, (size_t)(colon - text));
  address[colon - text] = 0;
  char *end;
  unsigned long port = strtoul(colon + 1, &end, 10);
  *place = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  return *end == 0 && port > 0 && port <= 65535 && inet_pton(AF_INET, address, &place->sin_addr) == 1;
}

static bool is_loopback(const struct sockaddr_in *place) { return (ntohl(place->sin_addr.s_addr) >> 24) == 127; }

/// Gives the namespace an address that is somebody else's outside: in here it is a door.
static int take_address(int socket_fd, const struct sockaddr_in *place, uint32_t number) {
  struct ifreq alias, mask;
  memset(&alias, 0, sizeof alias);
  snprintf(alias.ifr_name, sizeof alias.ifr_name, "lo:%u", number);
  mask = alias;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = place->sin_addr};
  memcpy(&alias.ifr_addr, &address, sizeof address);
  if (ioctl(socket_fd, SIOCSIFADDR, &alias) < 0) return errno;
  // Else the address would stand for the whole network that its class gives it.
  address.sin_addr.s_addr = htonl(INADDR_BROADCAST);
  memcpy(&mask.ifr_netmask, &address, sizeof address);
  return ioctl(socket_fd, SIOCSIFNETMASK, &mask) < 0 ? errno : 0;
}

static int open_door(int loopback, const struct naos_box_entry *entry, uint32_t number, void (*pass)(int door)) {
  struct sockaddr_in place;
  if (!read_place(entry->source, &place)) return EINVAL;
  int error = 0, type = entry->kind == NAOS_BOX_DOOR ? SOCK_STREAM : SOCK_DGRAM;
  int door = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  if (door < 0) return errno;
  if (bind(door, (struct sockaddr *)&place, sizeof place) < 0) error = errno;
  // The first door at an address that is not of the loopback brings it.
  if (error == EADDRNOTAVAIL && !is_loopback(&place) && (error = take_address(loopback, &place, number)) == 0)
    if (bind(door, (struct sockaddr *)&place, sizeof place) < 0) error = errno;
  if (!error && type == SOCK_STREAM && listen(door, BACKLOG) < 0) error = errno;
  if (!error) pass(door);
  close(door);
  return error;
}

int naos_box_open_doors(struct naos_box *box, void (*pass)(int door)) {
  int loopback = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq flags = {.ifr_flags = IFF_UP};
  strcpy(flags.ifr_name, "lo");
  int error = loopback < 0 || ioctl(loopback, SIOCSIFFLAGS, &flags) < 0 ? errno : 0;
  if (error) box->failed_at = "a loopback";
  for (uint32_t index = 0; !error && index < box->order.entries; index++) {
    const struct naos_box_entry *entry = &box->entries[index];
    if (!naos_box_is_door(entry)) continue;
    error = open_door(loopback, entry, index, pass);
    if (error) box->failed_at = entry->source;
  }
  if (loopback >= 0) close(loopback);
  return error;
}

int naos_box_name_doors(const struct naos_box *box, int file) {
  for (uint32_t index = 0; index < box->order.entries; index++) {
    const struct naos_box_entry *entry = &box->entries[index];
    if (!naos_box_is_door(entry) || !*entry->target) continue;
    size_t length = strcspn(entry->source, ":");
    if (dprintf(file, "%.*s %s\n", (int)length, entry->source, entry->target) < 0) return errno;
  }
  return 0;
}
