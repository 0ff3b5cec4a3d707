// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package rule

// The rules of mistake 3.
const (
	ValidateSchema     ID = "validate/schema"
	ValidateType       ID = "validate/content-type"
	ValidatePrototype  ID = "validate/prototype-key"
	ValidateOperation  ID = "validate/operation"
	ValidateAssignment ID = "validate/mass-assignment"
	ValidateConfusion  ID = "validate/type-confusion"
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
	{ID: ValidateAssignment, Mistake: 3, Title: "Fields that nobody offered are stored", Severity: High, CWE: 915,
		Why:     "new User(req.body) takes every field of a body: whoever signs up writes \"role\": \"admin\" beside his name.",
		Express: "const result = schema.safeParse(req.body); if (!result.success) return res.status(400)…; use result.data alone",
		Policy:  "bodies: {routes: [{match: \"POST /api/users\", schema: schemas/user.json}]}"},
	{ID: ValidateConfusion, Mistake: 3, Title: "Other types than declared get through", Severity: Medium, CWE: 843,
		Why:     "An object or array where the code expects a string breaks it, or means something else to what it is handed to.",
		Express: "const schema = z.object({ name: z.string().min(1).max(100), email: z.string().email() }), and result.data alone",
		Policy:  "bodies: {routes: [{match: \"POST /api/users\", schema: schemas/user.json}]}"},
}
