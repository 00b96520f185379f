// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

// A misspelt upcoming feature is accepted in silence by the compiler; this file is not.
#if !hasFeature(ExistentialAny) || !hasFeature(InternalImportsByDefault) || !hasFeature(MemberImportVisibility)
  #error("NexusEgress is built without the house settings of Package.swift")
#endif
#if !hasFeature(NonisolatedNonsendingByDefault) || !hasFeature(InferIsolatedConformances) || !hasFeature(StrictMemorySafety)
  #error("NexusEgress is built without the house settings of Package.swift")
#endif
