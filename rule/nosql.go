// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package rule

// The rules of mistake 7.
const (
	NoSQLOperator ID = "nosql/operator"
	NoSQLType     ID = "nosql/type"
)

var nosqlRules = []Rule{
	{ID: NoSQLOperator, Mistake: 7, Title: "Query operator in a request", Severity: Critical, Status: 400, CWE: 943,
		Why:     "A key such as $ne, $gt or $where that reaches a query is not data but an instruction: {\"password\": {\"$ne\": \"\"}} matches any password.",
		Express: "check types before a query (typeof req.body.email === 'string'), or validate the body with zod or joi; compare passwords with bcrypt, never in the query",
		Policy:  "nosql: {mode: enforce}"},
	{ID: NoSQLType, Mistake: 7, Title: "Not a string where a query needs one", Severity: High, Status: 400, CWE: 843,
		Why:     "An object or array in place of a string changes what a query means, even without an operator.",
		Express: "if (typeof req.body.email !== 'string' || typeof req.body.password !== 'string') return res.status(400).json({ error: 'Invalid input' })",
		Policy:  "nosql: {strings: [email, password]}"},
}
