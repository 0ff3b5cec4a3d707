// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package rule

// The rules of mistake 3.
const (
	ValidateSchema    ID = "validate/schema"
	ValidateType      ID = "validate/content-type"
	ValidatePrototype ID = "validate/prototype-key"
	ValidateOperation ID = "validate/operation"
)

var validateRules = []Rule{
	{ID: ValidateSchema, Mistake: 3, Title: "Request does not fit its schema", Severity: High, Status: 400, CWE: 20,
		Why:     "A body used as it came fills fields that nobody meant to offer ({\"role\": \"admin\"}) and puts objects where the code expects strings.",
		Express: "const result = schema.safeParse(req.body); if (!result.success) return res.status(400)…; use result.data alone",
		Policy:  "bodies: {routes: [{match: \"POST /api/users\", schema: schemas/user.json}]}"},
	{ID: ValidateType, Mistake: 3, Title: "Body of a type that is not declared", Severity: High, Status: 415, CWE: 20,
		Why:     "A route with a schema that also takes forms is open to every field sent as a form.",
		Express: "app.post(path, express.json({ strict: true }), …) and no other body parser on the route",
		Policy:  "bodies: {routes: [{match: \"POST /api/users\", schema: schemas/user.json}]}"},
	{ID: ValidatePrototype, Mistake: 3, Title: "Prototype key in a request", Severity: High, Status: 400, CWE: 1321,
		Why:     "Merging __proto__ or constructor.prototype from a request changes every object of the process.",
		Express: "never merge req.body into an object; copy named fields, or use Object.create(null) and a schema",
		Policy:  "nosql: {mode: enforce}"},
	{ID: ValidateOperation, Mistake: 3, Title: "Operation is not declared", Severity: Medium, Status: 403, CWE: 1059,
		Why:     "An operation that the API description does not name is one that nobody checks: a forgotten version, a debug route.",
		Express: "remove the route, or describe it in the OpenAPI document and mount express-openapi-validator",
		Policy:  "bodies: {openapi: openapi.yaml}"},
}
