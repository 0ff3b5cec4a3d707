// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package mongoquery makes MongoDB filters that cannot carry an operator from
// outside (mistake 7), for Go apps on the official driver.
//
// # Threat
//
// A filter such as bson.M{"email": in["email"]} is a filter only as long as
// in["email"] is a string. When it was decoded into an any, a body of
// {"email": {"$ne": null}} makes it an instruction that matches everybody.
//
// # What it does
//
// [Eq] and the other constructors take strings, numbers, booleans, times and
// object ids by their Go types, so that there is no place for a document; field
// names come from code and are checked. A [Filter] goes wherever the driver takes
// one. What was decoded into an any becomes a value by [Value], [Text], [Number] or
// [ID], or an error that a handler may return: a problem with status 400.
//
//	in, err := validate.Body[credentials](r) // Email and Password are strings
//	if err != nil {
//		return err
//	}
//	var u user
//	err = users.FindOne(ctx, mongoquery.Eq("email", in.Email)).Decode(&u)
//	if err != nil && err != mongo.ErrNoDocuments {
//		return err
//	}
//	// The password is never part of the query. Without a user the hash is empty:
//	// as much work, and never right.
//	ok, _, err := passwords.Verify(ctx, u.Hash, in.Password)
//
// For the queries that are not written this way, [Monitor] watches what the driver
// sends, and reports every operator in a filter that no Filter put there and that
// the code did not declare.
//
// # What it does not do
//
// It makes no updates and no pipelines: their operators come from code, and values
// belong into them by their types. The monitor cannot stop a command, only tell.
// It does not look at the operators of updates, nor at stages other than $match:
// who builds those from input has lost more than a filter.
//
// # Bounds
//
// A Filter nests at most 32 levels and holds at most 10,000 values in all. A monitor
// keeps 32 KiB, and the names of at most 1,024 findings, each cut at 256 bytes; it
// looks 64 levels deep, and reports what is deeper.
package mongoquery
