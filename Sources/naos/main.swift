// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCLI

let arguments = Array(CommandLine.arguments.dropFirst())
if let status = CommandLineInterface.fastPath(arguments) { exit(status) }
exit(await CommandLineInterface.main(arguments))
