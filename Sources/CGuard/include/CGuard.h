// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
#ifndef CGUARD_H
#define CGUARD_H
#endif
