// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
#ifndef CDASHBOARD_H
#define CDASHBOARD_H
#endif
