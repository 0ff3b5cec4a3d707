// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package rule

// The rules of mistake 4.
const (
	ErrorBody        ID = "errors/body"
	ErrorLeak        ID = "errors/leak"
	ErrorExposedFile ID = "errors/exposed-file"
)

var errorRules = []Rule{
	{ID: ErrorBody, Mistake: 4, Title: "Error answer shows the app's insides", Severity: Medium, CWE: 209,
		Why:     "The body of a 5xx answer is written when the app no longer knows what it is doing: messages, stacks and addresses in it tell an attacker what runs where.",
		Express: "app.use((err, req, res, next) => { console.error(err); res.status(err.status || 500).json({ error: 'Internal server error' }) }), last",
		Policy:  "errors: {scrub: true}"},
	{ID: ErrorLeak, Mistake: 4, Title: "Error answer leaks a stack, driver error or internal address", Severity: Medium, CWE: 209,
		Why:     "A stack frame, a driver's message or an internal address tells an attacker which library, file and host to aim at.",
		Express: "NODE_ENV=production, and an error handler that sends a fixed message; never err.message or err.stack",
		Policy:  "errors: {scrub: true}"},
	{ID: ErrorExposedFile, Mistake: 4, Title: "File that was never meant to be served", Severity: High, CWE: 538,
		Why:     "An .env, a .git folder or a source map hands out secrets and source.",
		Express: "app.use(express.static('public', { dotfiles: 'deny' })), a folder that holds nothing else"},
}
