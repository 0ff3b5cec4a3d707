// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/audit"
)

// written is the policy for an app of one file.
func written(t *testing.T, source string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"package.json": `{"name":"x","dependencies":{"express":"^5.0.0","mongoose":"^8.0.0","multer":"^2.0.0","zod":"^3.0.0","joi":"^17.0.0","cors":"^2.0.0","express-session":"^1.0.0"}}`,
		"app.js":       source,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, app, err := audit.Run(context.Background(), dir, audit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := app.WritePolicy(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const begin = `const express = require('express'); const mongoose = require('mongoose'); const multer = require('multer'); const { z } = require('zod'); const Joi = require('joi');
const app = express(); app.use(express.json());
`

// many is a line for each of some numbers.
func many(n int, line string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(line, "#", fmt.Sprint(i)) + "\n")
	}
	return b.String()
}

// Whatever the app has, the policy that is written for it is one.
func TestPolicyOfExtremes(t *testing.T) {
	for _, tc := range []struct {
		name, source string
		want         []string
	}{
		{"sizes", `
const at = (limits) => multer({ dest: 'in', limits }).array('f', limits.n);
app.post('/a', at({ fileSize: 2 * 1024 * 1024 * 1024, n: 1000 }), ok);
app.post('/b', at({ fileSize: 0.5, n: 0.5 }), ok);
app.post('/c', at({ fileSize: 1e300, n: 1e300 }), ok);
app.post('/d', at({ fileSize: -1, n: -1 }), ok);
app.post('/e', at({ fileSize: 1073741824, n: 100 }), ok);
app.post('/f', at({ fileSize: 1.5, n: 1 }), ok);
app.post('/g', at({ fileSize: Infinity, n: Infinity }), ok);
app.post('/h', at({ fileSize: 0 / 0 }), ok);
`, []string{`"POST /a", max_file_bytes: 5MB, max_files: 100`, `"POST /e", max_file_bytes: 1073741824, max_files: 100`}},
		{"paths", `
for (const p of ['/login', '/LOGIN/', '/a/:id/login', '/b/:other/login', '/:id/login', '//login', '/a:b/login', '/:id(\\d+)/login', '/é/login', '/a b/login', '/{x}/login',
  '/:id.json/login', '/login*', '/%2e/login', '/../login', '/./login', '/x"y/login', '/x\ny/login', '/:a/:a/login', '/:__proto__/login', '/login/', '/#login', '/a\\b/login', '/a;b/login', '/a&b=c/login',
  '/' + 'x'.repeat(5000) + '/login', '/' + ['y', 'y', 'y'].join('/') + '/login', 'login', '', '/{*all}/login', '/:file-:rev/login', '/null/login', '/~/login', "/it's/login"]) app.post(p, ok);
app.post(/^\/re\/login$/, ok);
app.all('/every/login', ok);
app.propfind('/other/login', ok);
`, []string{`match: "POST /login", limit: 5`, "# not written"}},
		{"many-routes", many(600, "app.post('/r#/login', ok);"), []string{"POST /r0/login", "POST /r599/login"}},
		{"many-bodies", "const M = mongoose.model('M', new mongoose.Schema({ name: String }));\n" +
			many(1500, "app.post('/b#', async (req, res) => { await M.create(req.body); res.end(); });"), []string{"POST /b0", "POST /b1499"}},
		{"many-uploads", many(700, "app.post('/u#', multer().single('f'), ok);"), []string{"POST /u0", "POST /u699"}},
		{"many-strings", "const M = mongoose.model('M', new mongoose.Schema({ name: String }));\n" +
			many(700, "app.post('/s#', async (req, res) => { res.json({ n: await M.countDocuments({ fieldX#: req.body.fieldX# }) }); });"), nil},
		{"many-letters", "const M = mongoose.model('M', new mongoose.Schema({ name: String }));\n" + letters(700), nil},
		{"names", `
const M = mongoose.model('M', new mongoose.Schema({ 'null': String, 'true': String, y: String, no: Number, on: Boolean, '~': String, __proto__: String, constructor: String, prototype: String, 'a b': String, 'a"b': String, 'é': String,
  '': String, ['x'.repeat(300)]: String, $where: String, 'a.b': String, type: String, properties: String, required: String, toString: String, 'a\nb': String }));
app.post('/m', async (req, res) => { await M.create(req.body); res.end(); });
app.post('/q', async (req, res) => { res.json({ n: await M.countDocuments({ 'null': req.body['null'], 'true': req.body['true'], y: req.body.y, constructor: req.body.constructor, __proto__: req.body.__proto__ }) }); });
`, []string{"POST /m"}},
		{"declarations", `
const M = mongoose.model('M', new mongoose.Schema({ name: String }));
const s = z.object({ 'null': z.string(), yes: z.enum(['"', '\\', '\n', '\u0000', '\ud800', '💥', '#', "'", '}{']), n: z.number().min(-1e308).max(1e308), i: z.number().int().min(0.5).max(1e21), t: z.string().min(5).max(2), u: z.string().min(-1).max(1e12),
  r: z.string().regex(new RegExp("[")), o: z.object({}).strict(), a: z.array(z.array(z.array(z.array(z.array(z.array(z.array(z.string()))))))), e: z.enum([]), l: z.literal('x').nullable(), x: z.string().length(3).email().uuid(), z: z.number().multipleOf(0.1).gt(5).lt(1), 'with-dash': z.string(), if: z.string(), 'a b': z.string() });
app.post('/z', async (req, res) => { await M.create(s.parse(req.body)); await M.create(req.body); res.end(); });
const j = Joi.object({ name: Joi.string().min(1e9).max(0).valid('', null), n: Joi.number().min(5).max(1).integer(), l: Joi.array().items(Joi.string(), Joi.number()).max(-3), d: Joi.date().max('now'), 'true': Joi.boolean() });
app.post('/j', async (req, res) => { const { value } = j.validate(req.body); await M.create(req.body); res.end(); });
`, []string{"POST /z"}},
		{"cookies-and-origins", `
app.use(require('express-session')({ secret: 'x' }));
app.use(require('cors')({ origin: ['https://a.example', 'https://a.example/', 'https://a.example:99999', 'https://ä.example', 'https://*.example', 'https://user@a.example', 'HTTPS://A.example', 'https://a.example#x', 'http://[::1]:3000', 'https://', 'https://a b'] }));
for (const name of ['theme', 'null', 'true', 'a b', 'a"b', '__Host-x', 'x'.repeat(200), 'y', 'é']) app.get('/c/' + name.length, (req, res) => { res.cookie(name, '1'); res.end(); });
`, []string{"cors: "}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := written(t, begin+"const ok = (req, res) => res.end();\n"+tc.source+"app.listen(3000);\n")
			p, err := panoply.Parse("policy.yaml", []byte(text))
			if err != nil {
				t.Fatalf("%.3000v\n%.6000s", err, text)
			}
			if _, err := panoply.New(p); err != nil {
				t.Fatalf("%.3000v\n%.6000s", err, text)
			}
			for _, want := range tc.want {
				if !strings.Contains(text, want) {
					t.Errorf("%q is missing in\n%.6000s", want, text)
				}
			}
		})
	}
}

// letters are queries for fields whose names are letters alone.
func letters(n int) string {
	var b strings.Builder
	for i := range n {
		name := "f" + strings.Map(func(r rune) rune { return r - '0' + 'a' }, fmt.Sprint(i))
		fmt.Fprintf(&b, "app.post('/l%d', async (req, res) => { res.json({ n: await M.countDocuments({ %s: req.body.%s }) }); });\n", i, name, name)
	}
	return b.String()
}
