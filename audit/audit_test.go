// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/audit"
	"github.com/panoply-security/panoply/finding"
)

// Whatever an audit finds, the policy it writes is one.
func TestWrittenPoliciesHold(t *testing.T) {
	dirs, _ := filepath.Glob("testdata/*/*")
	if len(dirs) < 10 {
		t.Fatalf("%d apps", len(dirs))
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			_, app, err := audit.Run(context.Background(), dir, audit.Options{Version: "test"})
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := app.WritePolicy(&b); err != nil {
				t.Fatal(err)
			}
			p, err := panoply.Parse("policy.yaml", b.Bytes())
			if err != nil {
				t.Fatalf("%v\n%s", err, b.String())
			}
			if _, err := panoply.New(p); err != nil {
				t.Fatalf("%v\n%s", err, b.String())
			}
		})
	}
}

func TestPolicyNamesTheAppsRoutes(t *testing.T) {
	_, app, err := audit.Run(context.Background(), "../e2e/apps/express5", audit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := app.WritePolicy(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`match: "POST /api/login", limit: 5, window: 15m, count: failures`,
		`match: "POST /login"`,
		`match: "POST /api/users", unknown: strip`,
		`# not for clients to set: passwordHash, role`,
		`match: "POST /api/upload", max_file_bytes: 5MB, max_files: 1`,
		"nosql: {strings: [email, password]}",
		"app.js:50",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
}

func TestNoAppIsNotTested(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.js"), []byte("module.exports = 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, _, err := audit.Run(context.Background(), dir, audit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range r.Mistakes {
		if m.Verdict != finding.NotTested || m.Reason == "" {
			t.Errorf("mistake %d: %s, %q", m.Number, m.Verdict, m.Reason)
		}
	}
}

// What the app itself declares of a body is what the policy says of it.
func TestPolicyKeepsTheAppsDeclarations(t *testing.T) {
	_, app, err := audit.Run(context.Background(), "testdata/apps/declared", audit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := app.WritePolicy(&b); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"zod": `match: "POST /zod", unknown: strip, schema: {type: object, required: [name, email, tags, born, address], properties: {` +
			`name: {type: string, minLength: 1, maxLength: 100}, email: {type: [string, 'null'], maxLength: 10000, format: email}, ` +
			`age: {type: integer, exclusiveMinimum: 0}, plan: {type: string, enum: ["free", "paid"]}, ` +
			`tags: {type: array, items: {type: string, maxLength: 20}, maxItems: 5}, born: {type: [number, string], maximum: 2020}, role: {type: string, maxLength: 10000}, ` +
			`address: {type: object, required: [city], properties: {city: {type: string, maxLength: 80}, zip: {type: string}}}}}`,
		"zod-whole-request": `match: "POST /zod/whole", unknown: strip, schema: {type: object, required: [name], properties: {name: {type: string, minLength: 1, maxLength: 100}}}`,
		"joi": `match: "POST /joi", unknown: strip, schema: {type: object, required: [name], properties: {name: {type: string, minLength: 1, maxLength: 50}, ` +
			`nick: {type: string, maxLength: 10000}, kind: {type: string, enum: ["a", "b"]}, size: {type: [integer, string], minimum: 1}, list: {type: [array, string], maxItems: 1000, items: {type: string, minLength: 1, maxLength: 9}}}}`,
		"express-validator": `match: "POST /validator", unknown: strip, schema: {type: object, required: [name, email], properties: {name: {type: string, minLength: 2, maxLength: 30}, ` +
			`email: {type: string, maxLength: 10000, format: email}, age: {type: [number, string, 'null'], maxLength: 10000}}}`,
		"check-schema": `match: "POST /schema", unknown: strip, schema: {type: object, required: [name], properties: {name: {type: string, maxLength: 12}}}`,
		"celebrate":    `match: "POST /celebrate", unknown: strip, schema: {type: object, properties: {name: {type: string, minLength: 1, maxLength: 10000}}}`,
		"privileges":   `# declared, so clients may set it: see whether they should: role`,
		"place":        `# as declared in app.js:15`,
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s is missing in\n%s", want, b.String())
			}
		})
	}
}

// A limit that limits nothing is not taken over, and what an object is merged
// into says what it may hold.
func TestPolicyOfALimitThatIsNone(t *testing.T) {
	_, app, err := audit.Run(context.Background(), "testdata/apps/well-made", audit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := app.WritePolicy(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`match: "POST /up", max_file_bytes: 5MB, max_files: 100`,
		`match: "PUT /user", unknown: strip, schema: {type: object, properties: {email: `,
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
}
