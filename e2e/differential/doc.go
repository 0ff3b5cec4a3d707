// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package differential holds Panoply's reading of a request against those of the
// real thing: requests are made by a grammar and by mutation, sent as raw bytes
// through a guard, and what the guard lets pass is read by every stack of parsers
// that Node apps use, old versions and lax settings too (apps/oracle).
//
// Of forms with files everybody must read the same: what the upload inspection lets
// pass, held or streamed, is read by busboy, multer, formidable, multiparty, fetch and
// Go's mime/multipart, of two generations where there are two, and each has to find the
// names, filenames, types and bytes that were judged.
//
// Two things must hold of the rest. Whenever a handler would see an operator or a prototype
// key, or a typed field that is no string, the guard refused. And a request that is
// ordinary in every respect passes.
//
// Every request follows from a seed and its number, so that a finding is found
// again. What a test cannot fail proves nothing: [Mutants] are faults put into our
// own parsers, each of which the same run has to catch.
package differential
