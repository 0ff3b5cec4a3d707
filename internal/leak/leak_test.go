// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package leak

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestExpress holds what Express 4.22.3 and 5.3.0 answered on Node 20: their
// own error pages, and handlers that send err, err.message or err.stack.
// Bodies are cut at 640 bytes; paths are replaced.
func TestExpress(t *testing.T) {
	data, err := os.ReadFile("testdata/express.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Express, Mode, Name, Body string
		Leak                      bool
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Express+"-"+c.Mode+"-"+c.Name, func(t *testing.T) {
			if kind, found := Find([]byte(c.Body)); found != c.Leak {
				t.Errorf("found %v (%s); want %v in\n%s", found, kind, c.Leak, c.Body)
			}
		})
	}
}

func TestFind(t *testing.T) {
	tests := []struct{ name, kind, body string }{
		{"node-html", frame, `<pre>Error: no<br> &nbsp; &nbsp;at Layer.handle [as handle_request] (/srv/shop/node_modules/express/lib/router/layer.js:95:5)</pre>`},
		{"node-plain", frame, "Error: no\n    at /srv/shop/app.js:10:67"},
		{"node-extensionless", frame, "at Object.<anonymous> (/srv/shop/bin/www:12:9)"},
		{"node-json", frame, `{"stack":"x\n    at f (/srv/shop/app.js:10:67)"}`},
		{"node-json-in-json", frame, `{"m":"{\"s\":\"x\\n    at f (/srv/shop/app.js:10:67)\"}"}`},
		{"node-json-slashes", frame, `{"m":"x\n    at f (\/srv\/shop\/app.js:10:67)"}`},
		{"node-esm", frame, "at async file:///srv/shop/app.mjs:3:7"},
		{"node-esm-named", frame, "    at async handler (file:///srv/shop/app.mjs:3:7)"},
		{"node-windows", frame, `at Object.<anonymous> (C:\Program Files\shop\app.js:1:7)`},
		{"node-windows-json", frame, `"at Object.<anonymous> (C:\\shop\\app.js:1:7)"`},
		{"node-windows-share", frame, `at f (\\server\share\app.js:1:7)`},
		{"node-bare-windows", frame, `at C:\shop\app.js:1:7`},
		{"node-internal", frame, "at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)"},
		{"node-internal-bare", frame, "at node:internal/main/run_main_module:23:47"},
		{"node-typescript", frame, "at Shop.login (/srv/shop/src/login.ts:12:5)"},
		{"node-webpack", frame, "at eval (webpack-internal:///./src/app.js:12:5)"},
		{"node-relative", frame, "at login (src/login.tsx:12:5)"},
		{"node-eval", frame, "at eval (eval at run (/srv/shop/vm.js:3:1), <anonymous>:1:1)"},
		{"node-html-escaped-slash", frame, "at f (&#x2F;srv&#x2F;app.js:1:2)"},
		{"node-unquoted-module", frame, "/srv/shop/node_modules/mongodb/lib/cmap/connection.js:227"},
		{"graphql-stacktrace", frame, `{"errors":[{"extensions":{"exception":{"stacktrace":["TypeError: x","    at f (/srv/a.js:1:2)"]}}}]}`},
		{"stack-key", frame, `{"error":{"stack":"TypeError: x is not iterable"}}`},
		{"stacktrace-key", frame, `{"stacktrace": ["Error: boom"]}`},
		{"java", frame, "\tat com.shop.Login.check(Login.java:42)"},
		{"java-constructor", frame, "at com.shop.Login.<init>(Login.java:42)"},
		{"java-constructor-html", frame, "at com.shop.Login.&lt;init&gt;(Login.java:42)"},
		{"java-module", frame, "at java.base/java.lang.Thread.run(Thread.java:840)"},
		{"kotlin", frame, "at com.shop.LoginKt.main(Login.kt:3)"},
		{"dotnet", frame, `   at Shop.Login.Check() in C:\shop\Login.cs:line 42`},
		{"python", frame, "Traceback (most recent call last):\n  File \"/srv/shop/app.py\", line 12, in login"},
		{"python-html", frame, "File &quot;/srv/shop/app.py&quot;, line 12, in login"},
		{"python-json", frame, `"File \"/srv/shop/app.py\", line 12\n    x ="`},
		{"php-warning", frame, "<b>Warning</b>: x in <b>/var/www/html/login.php</b> on line <b>12</b><br />"},
		{"php-trace", frame, "#0 /var/www/html/login.php(12): login()"},
		{"php-exception", frame, "PHP Fatal error: x in /var/www/html/login.php:12"},
		{"ruby", frame, "/srv/shop/app/login.rb:12:in `check'"},
		{"ruby-3.4", frame, "app/login.rb:12:in 'Login#check'"},
		{"go-panic", frame, "panic: x\n\ngoroutine 1 [running]:\nmain.main()"},
		{"go-frame", frame, "\t/srv/shop/main.go:12 +0x1d"},
		{"go-waiting", frame, "goroutine 7 [chan receive, 3 minutes]:"},
		{"rust", frame, "thread 'main' panicked at src/main.rs:10:5:"},
		{"perl", frame, "Died at /srv/shop/login.pl line 12."},

		{"mongo-duplicate", driver, `{"error":"E11000 duplicate key error collection: shop.users index: email_1"}`},
		{"mongo-server-error", driver, "MongoServerError: unknown operator: $foo"},
		{"mongo-bad-value", driver, `{"error":"unknown top level operator: $zz"}`},
		{"mongo-name", driver, `{"name":"MongoServerError","code":2}`},
		{"mongo-network", driver, "MongoNetworkError: connection 3 closed"},
		{"mongoose-cast", driver, `{"message":"Cast to ObjectId failed for value \"x\" (type string) at path \"_id\""}`},
		{"mongoose-overwrite", driver, "MongooseError: Operation timed out"},
		{"bson", driver, "BSONError: input must be a 24 character hex string"},
		{"bson-type", driver, `{"name":"BSONTypeError"}`},
		{"sequelize", driver, "SequelizeDatabaseError: x"},
		{"typeorm", driver, "QueryFailedError: x"},
		{"prisma", driver, "PrismaClientKnownRequestError: x"},
		{"prisma-invocation", driver, "Invalid `prisma.user.create()` invocation in"},
		{"pg-unique", driver, `{"error":"duplicate key value violates unique constraint \"users_email_key\""}`},
		{"pg-syntax", driver, `syntax error at or near "'"`},
		{"pg-relation", driver, `{"error":"relation \"users\" does not exist"}`},
		{"pg-column", driver, `column users.pasword does not exist`},
		{"pg-password", driver, `password authentication failed for user "shop"`},
		{"pg-uuid", driver, `invalid input syntax for type uuid: "1"`},
		{"pg-hba", driver, `no pg_hba.conf entry for host "203.0.113.9"`},
		{"pg-null", driver, `null value in column "email" of relation`},
		{"mysql-syntax", driver, "You have an error in your SQL syntax; check the manual"},
		{"mysql-duplicate", driver, `Duplicate entry 'a@b.example' for key 'users.email'`},
		{"mysql-code", driver, `{"code":"ER_NO_SUCH_TABLE"}`},
		{"mysql-column", driver, `Unknown column 'x' in 'where clause'`},
		{"mysql-table", driver, `Table 'shop.users' doesn't exist`},
		{"mysql-table-html", driver, `Table &#39;shop.users&#39; doesn&#39;t exist`},
		{"mysql-denied", driver, `Access denied for user 'root'@'10.0.0.5' (using password: YES)`},
		{"pdo", driver, "SQLSTATE[42S02]: Base table or view not found"},
		{"sqlite-code", driver, "SQLITE_CONSTRAINT: x"},
		{"sqlite-unique", driver, "UNIQUE constraint failed: users.email"},
		{"oracle", driver, "ORA-00942: table or view does not exist"},
		{"mssql", driver, "Unclosed quotation mark after the character string ''."},
		{"redis-reply", driver, "ReplyError: ERR unknown command"},
		{"redis-type", driver, "WRONGTYPE Operation against a key holding the wrong kind of value"},
		{"redis-auth", driver, "NOAUTH Authentication required."},
		{"psycopg", driver, "psycopg2.OperationalError: could not connect"},

		{"refused", network, `{"error":"connect ECONNREFUSED 10.0.1.42:5432"}`},
		{"refused-ipv6", network, "connect ECONNREFUSED ::1:5432"},
		{"refused-socket", network, "connect ECONNREFUSED /var/run/redis.sock"},
		{"not-found", network, "getaddrinfo ENOTFOUND db.internal"},
		{"not-found-one-label", network, "getaddrinfo ENOTFOUND mongo"},
		{"timed-out", network, "connect ETIMEDOUT 172.16.4.1:27017"},
		{"again", network, "getaddrinfo EAI_AGAIN mongo"},
		{"in-use", network, "listen EADDRINUSE: address already in use :::3000"},
		{"error-as-json", network, `{"errno":-111,"code":"ECONNREFUSED","syscall":"connect","address":"10.0.1.42","port":5432}`},
		{"go-dial", network, "dial tcp 10.0.1.42:5432: connect: connection refused"},
		{"go-dial-name", network, "dial tcp db.internal:5432: i/o timeout"},
		{"python-requests", network, "HTTPConnectionPool(host='billing', port=8080): Max retries exceeded"},
		{"private-address", network, `{"error":"Connection to 192.168.3.4:6379 timed out"}`},
		{"private-address-last", network, `{"error":"the upstream is 10.3.4.5:6379"}`},
		{"private-address-first", network, `{"error":"192.168.3.4:6379 did not respond"}`},

		{"no-entry", file, `{"error":"ENOENT: no such file or directory, open '/srv/shop/x'"}`},
		{"no-entry-html", file, `ENOENT: no such file or directory, open &#39;/srv/shop/x&#39;`},
		{"no-access", file, `EACCES: permission denied, mkdir 'uploads'`},
		{"require-stack", file, `Cannot find module 'x'\nRequire stack:\n- /srv/shop/app.js`},
		{"require-stack-html", file, `Cannot find module &#39;x&#39;<br>Require stack:<br>- /srv/shop/app.js`},
		{"module-path", file, `Cannot find module '/srv/shop/x.js'`},
		{"view", file, `Failed to lookup view "home" in views directory "/srv/shop/views"`},
		{"python-errno", file, `[Errno 2] No such file or directory: '/srv/x'`},
		{"go-open", file, `open /srv/shop/x: no such file or directory`},

		{"jwt", library, "JsonWebTokenError: invalid signature"},
		{"jwt-name", library, `{"name":"TokenExpiredError","message":"jwt expired"}`},
		{"multer", library, "MulterError: File too large"},
		{"multer-name", library, `{"name":"MulterError","code":"LIMIT_FILE_SIZE"}`},

		{"undefined", program, `{"error":"Cannot read properties of undefined (reading 'email')"}`},
		{"undefined-html", program, `Cannot read properties of null (reading &#39;email&#39;)`},
		{"undefined-old", program, `Cannot read property 'email' of undefined`},
		{"reference", program, "ReferenceError: user is not defined"},
		{"not-a-function", program, `{"error":"user.save is not a function"}`},
		{"not-iterable", program, "TypeError: undefined is not iterable"},
		{"prototype", program, "Immutable prototype object 'Object.prototype' cannot have their prototype set"},
		{"go-nil", program, "runtime error: invalid memory address or nil pointer dereference"},
		{"java-exception", program, "java.lang.NullPointerException"},
		{"php-uncaught", program, "<b>Fatal error</b>: Uncaught Exception: no"},

		{"mongoose-buffering", driver, "Operation `users.findOne()` buffering timed out after 10000ms"},
		{"mongoose-populate", driver, "not in your schema. Set the `strictPopulate` option to false"},
		{"bson-id", driver, `{"error":"input must be a 24 character hex string, 12 byte Uint8Array, or an integer"}`},
		{"mongo-uri", driver, `Invalid scheme, expected connection string to start with "mongodb://"`},
		{"sequelize-null", driver, `{"error":"notNull Violation: User.name cannot be null"}`},
		{"ioredis", driver, "Reached the max retries per request limit (which is 20)."},
		{"pg-quote", driver, `unterminated quoted string at or near "'''"`},
		{"pg-operator", driver, "operator does not exist: integer = text"},
		{"pg-union", driver, "each UNION query must have the same number of columns"},
		{"pg-error-as-json", driver, `{"severity":"ERROR","code":"22012","file":"int.c","line":"841","routine":"int4div"}`},
		{"pg-error-inspected", driver, "file: &#39;scan.l&#39;,\n  line: &#39;1244&#39;,\n  routine: &#39;scanner_yyerror&#39;"},
		{"sqlite-table", driver, "no such table: users"},
		{"sqlite-near", driver, `{"error":"near \"FORM\": syntax error"}`},
		{"sqlite-token", driver, `unrecognized token: "'''"`},
		{"directory", file, "EISDIR: illegal operation on a directory, read"},
		{"spawn", file, "spawnSync /opt/shop/bin/convert ENOENT"},
		{"command", file, "Command failed: ls /opt/shop"},
		{"template", file, "/srv/shop/views/home.ejs:1\n >> 1| <p>"},
		{"template-html", file, "&#x2F;srv&#x2F;shop&#x2F;home.pug:3:5"},
		{"method-of-a-literal", program, "{}.findOne is not a function"},
		{"not-iterable-alone", program, `{"error":"object is not iterable"}`},
		{"circular", program, "Converting circular structure to JSON\n    --> starting at"},
		{"too-deep", program, "Maximum call stack size exceeded"},
		{"argument", program, "The first argument must be of type string. Received undefined"},
		{"node-code", program, `{"code":"ERR_INVALID_ARG_TYPE"}`},
		{"openssl", program, "error:1C800064:Provider routines::bad decrypt"},
		{"reference-name", program, `{"name":"ReferenceError","message":"user is not defined"}`},
		{"jwt-secret", library, "secretOrPrivateKey must have a value"},
		{"ajv-strict", library, `strict mode: unknown keyword: "requird"`},

		{"connection-string", secret, `could not use mongodb://shop:hunter2@db.internal:27017/shop`},
		{"connection-string-srv", secret, `mongodb+srv://shop:hunter2@cluster0.example.net`},
		{"connection-string-no-user", secret, `redis://:hunter2@cache:6379/0`},
		{"connection-string-json", secret, `{"url":"postgres:\/\/shop:hunter2@db\/shop"}`},
		{"private-key", secret, "-----BEGIN RSA PRIVATE KEY-----\nMIIE"},
		{"private-key-pkcs8", secret, `"-----BEGIN PRIVATE KEY-----\nMIIE`},
		{"aws", secret, "AKIAIOSFODNN7EXAMPLE"},
		{"github", secret, "ghp_" + strings.Repeat("a1", 18)},
		{"stripe", secret, "sk_live_" + strings.Repeat("a1", 10)},
		{"slack", secret, "xoxb-1234567890-abc"},
		{"environment", secret, "PATH=/bin\nDATABASE_URL=postgres://db/shop\n"},
		{"environment-json", secret, `{"env":{"JWT_SECRET":"hunter2"}}`},
		{"worst-first", secret, "at f (/srv/a.js:1:2) mongodb://a:b@c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if kind, found := Find([]byte(tt.body)); !found || kind != tt.kind {
				t.Errorf("found %v, %q; want %q in\n%s", found, kind, tt.kind, tt.body)
			}
		})
	}
}

// What an app tells its clients on purpose stays.
func TestFindNothing(t *testing.T) {
	for name, body := range map[string]string{
		"empty":                 "",
		"taken":                 `{"error":"Email already taken"}`,
		"credentials":           `{"error":"Invalid credentials"}`,
		"cannot-get":            "<pre>Cannot GET /path</pre>",
		"cannot-post-js":        "<pre>Cannot POST /js/app.js:10</pre>",
		"bad-request":           "<pre>Bad Request</pre>",
		"zod":                   `{"errors":{"formErrors":[],"fieldErrors":{"email":["Invalid email"],"name":["String must contain at least 1 character(s)"]}}}`,
		"joi":                   `{"message":"\"email\" must be a valid email","path":["email"],"type":"string.email"}`,
		"express-validator":     `{"errors":[{"type":"field","value":"","msg":"Invalid value","path":"email","location":"body"}]}`,
		"mongoose-validation":   `{"errors":{"email":{"name":"ValidatorError","message":"Path ` + "`email`" + ` is required.","kind":"required","path":"email"}},"name":"ValidationError"}`,
		"problem":               `{"type":"urn:panoply:validate/field","title":"Fields not accepted","status":400,"errors":[{"pointer":"/email","detail":"missing"}]}`,
		"jwt-message":           `{"error":"jwt expired"}`,
		"invalid-token":         `{"error":"invalid_token","error_description":"The access token expired at 10:30:00"}`,
		"json-syntax":           `{"error":"Unexpected token } in JSON at position 12"}`,
		"too-large":             `{"error":"File too large","limit":"5 MB"}`,
		"csv-import":            `{"error":"File \"users.csv\", line 12: the e-mail address is missing"}`,
		"line-and-column":       `{"error":"query.graphql:3:14: unknown field"}`,
		"graphql":               `{"errors":[{"message":"Cannot query field \"x\" on type \"User\".","locations":[{"line":1,"column":3}]}]}`,
		"docs-link":             `{"message":"Not Found","documentation_url":"https://api.example.com/docs:8443/at"}`,
		"self-link":             `{"error":"not found","self":"http://127.0.0.1:3000/api/x"}`,
		"address-field":         `{"error":"Invalid address","value":"10.0.0.5:8080"}`,
		"stack-as-a-word":       `{"error":"unknown stack","stack":"LAMP"}`,
		"station":               "We meet at the station (platform 10:30:15 or later), or at noon.",
		"weekends":              "Open at weekends (24/7 from 10:30:00) and at /home by arrangement.",
		"clock":                 "The job ran at 10:30:00 and at 11:30:00 (UTC+01:00:00).",
		"article":               "A stack trace lists frames such as at functionName (file:line:column). In Express it shows node_modules and Layer.handle. Never send err.stack to clients!",
		"article-classes":       "MongoServerError and JsonWebTokenError are classes; a TypeError is a bug. ECONNREFUSED means that nobody listens.",
		"article-python":        "Python prints Traceback (most recent call last) and then each File with its line.",
		"article-go":            "A goroutine that panics prints its stack; see runtime/debug.",
		"article-sql":           "An error in SQL syntax near a quote tells an attacker that the query was concatenated.",
		"article-keys":          "A private key starts with BEGIN PRIVATE KEY between dashes.",
		"article-env":           "Set DATABASE_URL and JWT_SECRET in the environment, and NODE_ENV=production.",
		"scripts":               `<script src="/node_modules/jquery/dist/jquery.js"></script><script src="/app.js?v=1:2"></script>`,
		"not-a-function-prose":  "This machine is not a function of its parts.",
		"does-not-exist":        `{"error":"The user does not exist"}`,
		"role-does-not-exist":   `{"error":"role does not exist"}`,
		"duplicate":             `{"error":"Duplicate entry"}`,
		"constraint":            `{"error":"The order violates a constraint: at most 5 items"}`,
		"url-with-port":         "see https://shop.example:8443/help@home",
		"e-mail-in-url":         "https://shop.example/u/a:b/profile@x",
		"php-address":           "https://shop.example/index.php?page=1",
		"permission":            `{"error":"permission denied"}`,
		"no-such-file":          `{"error":"no such file or directory"}`,
		"operator":              `{"error":"unknown operator: ~"}`,
		"cannot-read":           `{"error":"Cannot read the file"}`,
		"routine":               `{"error":"unknown routine","file":"plan.c3","routine":"morning"}`,
		"not-defined":           `{"error":"email is not defined"}`,
		"validation-code":       `{"code":"ERR_VALIDATION","error":"name must be a string"}`,
		"no-such":               `{"error":"no such table in this room"}`,
		"spawn":                 `{"error":"the spawn point ENDS here"}`,
		"strict-mode":           `{"error":"strict mode: on"}`,
		"argument":              `{"error":"the argument must be of type string"}`,
		"populate":              `{"error":"Cannot populate the list"}`,
		"express-404-long-path": "<pre>Cannot GET /api/v1/users/5f43a1/orders</pre>",
	} {
		t.Run(name, func(t *testing.T) {
			if kind, found := Find([]byte(body)); found {
				t.Errorf("found %s in\n%s", kind, body)
			}
		})
	}
}

func TestFindLooksAtTheFirst64KiB(t *testing.T) {
	pad := strings.Repeat("x ", maxBody/2)
	if _, found := Find([]byte(pad[:maxBody-60] + "at f (/srv/a.js:1:2)")); !found {
		t.Error("not found at the end")
	}
	if _, found := Find([]byte(pad + "at f (/srv/a.js:1:2)")); found {
		t.Error("found beyond the end")
	}
}

func TestFindTakesTooMuchForALeak(t *testing.T) {
	hostile := strings.Repeat("0:0 at f (/ ://a: Mongo ECONN 10. Cannot Exception dial ORA- ER_ SQLITE_ TypeError SQLSTATE File ", 800)
	if kind, found := Find([]byte(hostile)); !found || kind != crowded {
		t.Errorf("found %v, %q", found, kind)
	}
	if kind, found := Find([]byte(hostile[:4096])); found {
		t.Errorf("found %s in 4 KiB", kind)
	}
}

func TestAnchorsSpareSomething(t *testing.T) {
	for _, s := range shapes {
		for text := range strings.SplitSeq(strings.TrimPrefix(s.anchors, "+"), "|") {
			if len(text) < 3 {
				t.Errorf("anchor %q is too short", text)
			}
		}
	}
}

// FuzzFind holds that the one pass over an answer sees the anchors that
// looking for each of them sees.
func FuzzFind(f *testing.F) {
	for _, s := range shapes {
		f.Add([]byte("x" + s.anchors + "1:1"))
	}
	f.Add([]byte(`at f (/srv/a.js:1:2)`))
	colon := regexp.MustCompile(`\d:\d`)
	f.Fuzz(func(t *testing.T, body []byte) {
		seen := catalogue().scan(body)
		for i, s := range shapes {
			anchors, numbers := strings.CutPrefix(s.anchors, "+")
			want := false
			for text := range strings.SplitSeq(anchors, "|") {
				want = want || bytes.Contains(body, []byte(text))
			}
			want = want && (!numbers || colon.Match(body))
			if seen[i] != want {
				t.Errorf("%s: got %v; want %v", s.anchors, seen[i], want)
			}
		}
		if kind, found := Find(body); found != (kind != "") {
			t.Errorf("found %v, kind %q", found, kind)
		}
	})
}

func BenchmarkFind(b *testing.B) {
	html := "<!doctype html><title>Not found</title>" + strings.Repeat("<p>We could not find what you look for at our shop. Look at the <a href=\"https://shop.example/help.html\">help</a>.</p>\n", 600)
	for name, body := range map[string]string{
		"json-small":  `{"error":"Email already taken"}`,
		"json-2k":     `{"errors":[` + strings.Repeat(`{"type":"field","msg":"Invalid value","path":"email","location":"body"},`, 28) + `{}]}`,
		"html-64k":    html[:64<<10],
		"express-dev": "<pre>Error: x<br> &nbsp; &nbsp;at /srv/shop/app.js:8:29</pre>",
		"hostile-64k": strings.Repeat("0:0 at f (/ ://a: Mongo ECONN 10. Cannot Exception dial ORA- ER_ SQLITE_ TypeError SQLSTATE File ", 800),
	} {
		b.Run(name, func(b *testing.B) {
			data := []byte(body)
			b.SetBytes(int64(min(len(data), maxBody)))
			b.ReportAllocs()
			for b.Loop() {
				Find(data)
			}
		})
	}
}
