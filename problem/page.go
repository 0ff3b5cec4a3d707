// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"bytes"
	"html/template"
)

// The page has no script and no style, so that every CSP lets it be.
var pageTemplate = template.Must(template.New("problem").Parse(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{{.Status}} {{.Title}}</title></head>
<body>
<h1>{{.Title}}</h1>
{{with .Detail}}<p>{{.}}</p>
{{end}}{{with .Errors}}<ul>{{range .}}<li>{{.Pointer}}: {{.Detail}}</li>{{end}}</ul>
{{end}}{{with .Cause}}<pre>{{.}}</pre>
{{end}}<p>Request <code>{{.Instance}}</code></p>
</body>
</html>
`))

func page(b body) []byte {
	var buf bytes.Buffer
	if err := pageTemplate.Execute(&buf, b); err != nil {
		return []byte("<!DOCTYPE html><title>Error</title><p>Internal server error</p>")
	}
	return buf.Bytes()
}
