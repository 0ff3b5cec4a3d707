// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package leak

import "strings"

// expand fills in what patterns share. Answers come as text, in HTML and in
// JSON strings, sometimes twice over, so a quote and a slash have several
// spellings.
var expand = strings.NewReplacer(
	"{q}", "(?:\\\\*[\"'`]|&quot;|&#0?39;|&#x27;|&apos;|\\\\+u002[27])",
	"{/}", `(?:\\*/|&#x2F;|&#47;)`,
	"{drive}", `[A-Za-z]:\\`,
	"{private}", `(?:10(?:\.\d{1,3}){3}|127(?:\.\d{1,3}){3}|169\.254(?:\.\d{1,3}){2}|172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2}|192\.168(?:\.\d{1,3}){2}):\d{2,5}\b`,
	"{br}", `(?:\\+n|\s|<br ?/?>|&nbsp;)*`,
)

// shapes are tried in this order: what is worst comes first. One of the anchors
// (between |) has to be in the answer before its pattern is tried, and where
// they begin with a +, a digit, a colon and a digit too.
var shapes = [...]struct{ kind, anchors, pattern string }{
	// Keys and passwords.
	{secret, "PRIVATE KEY-----", `-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----`},
	{secret, "://", `://[^\s:@/"'<>\\]*:[^\s@/"'<>\\]+@[\w.-]`},
	{secret, `:\/\/`, `:\\/\\/[^\s:@/"'<>\\]*:[^\s@/"'<>\\]+@[\w.-]`},
	{secret, "AKIA", `\bAKIA[0-9A-Z]{16}\b`},
	{secret, "ghp_|gho_|ghs_|github_pat_", `\b(?:gh[pos]_[A-Za-z0-9]{36}|github_pat_\w{40})`},
	{secret, "sk_live_|rk_live_", `\b[sr]k_live_[A-Za-z0-9]{16}`},
	{secret, "xox", `\bxox[abprs]-[A-Za-z0-9-]{10}`},
	{secret, "_URL|_URI|_SECRET|_PASSWORD|_KEY",
		`\b(?:DATABASE_URL|MONGO(?:DB)?_UR[IL]|REDIS_URL|JWT_SECRET|SESSION_SECRET|DB_PASSWORD|POSTGRES_PASSWORD|MYSQL_(?:ROOT_)?PASSWORD|AWS_SECRET_ACCESS_KEY|STRIPE_SECRET_KEY)(?:=|{q}\s*:\s*{q}|{q}\s*=&gt;\s*)[^\s"'\\]{3}`},

	// Stack frames: Node, then the others.
	{frame, "+at ", `at [^\n()]*\((?:async )?(?:(?:file:|{/}|{drive}|\\\\|webpack|node:)[^\n()"<>]*?|[\w@./\\-]+\.[cm]?[jt]sx?):\d+:\d+\)`},
	{frame, "+at ", `at (?:async )?(?:(?:file:|webpack|{/}|{drive})[^\s()"<>]*?\.\w+(?:\?\w*)?|node:[\w/]+):\d+:\d+`},
	{frame, ".js:|.cjs:|.mjs:|.ts:|.jsx:|.tsx:", `node_modules[/\\][^\s()"'<>]*\.[cm]?[jt]sx?:\d+`},
	{frame, `stack"|stack\"|stacktrace|stackTrace|stack_trace`, `stack(?:_?[Tt]race)?{q}\s*:\s*\[?\s*{q}(?:[\w.$]*Error|[\w.$]*Exception)\b`},
	{frame, ".java:|.kt:|.scala:|.groovy:", `at (?:[\w$.@-]+/)*[\w$.]+\.(?:[\w$]+|(?:<|&lt;|\\u003c)(?:cl)?init(?:>|&gt;|\\u003e))\([\w$]+\.(?:java|kt|scala|groovy):\d+\)`},
	{frame, ":line ", `at [^\n]* in [^\n]*\.(?:cs|vb|fs):line \d+`},
	{frame, "File ", `File {q}[^\n"'<>]*(?:\.pyx?{q}, line \d+|{q}, line \d+, in [\w<&])`},
	{frame, ".php(|.php:|.php on line|.php</b> on|.phtml:|.phtml on line|.inc:|.inc on line", `(?:{/}|{drive})[^\s<>"']*\.(?:php|phtml|inc)(?:</b>)?(?:\(\d+\)|:\d+| on line (?:<b>)?\d+)`},
	{frame, ".rb:|.erb:|.ru:", `[\w./-]+\.(?:rb|erb|ru):\d+:in (?:{q}|&#96;)`},
	{frame, "goroutine ", `goroutine \d+ \[[a-z][^\]\n]*\]:`},
	{frame, ".go:", `/[^\s"'<>]*\.go:\d+ \+0x[0-9a-f]`},
	{frame, ".rs:", `panicked at [^\n]*\.rs:\d+:\d+`},
	{frame, " line ", `at {/}[^\s"'<>]*\.(?:pl|pm|cgi) line \d+`},

	// Databases.
	{driver, "Mongo|BSON|CastError|Sequelize|QueryFailed|PrismaClient|KnexTimeout|ReplyError|MaxRetriesPer|OperationalError|ProgrammingError|IntegrityError",
		`\b(?:Mongo\w*|Mongoose\w*|BSON\w*|Cast|Sequelize\w*|QueryFailed|PrismaClient\w*|KnexTimeout|Reply|MaxRetriesPerRequest|Operational|Programming|Integrity)Error(?: \[\w+\])?: `},
	{driver, "Mongo|BSON|CastError|Sequelize|QueryFailed|PrismaClient|KnexTimeout|ReplyError|MaxRetriesPer|OperationalError|ProgrammingError|IntegrityError",
		`(?:name|type|error|kind|code|class){q}\s*:\s*{q}(?:Mongo\w*|Mongoose\w*|BSON\w*|Cast|Sequelize\w*|QueryFailed|PrismaClient\w*|KnexTimeout|Reply|MaxRetriesPerRequest)Error{q}`},
	{driver, "E11000", `E11000 duplicate key`},
	{driver, "Cast to ", `Cast to \w+ failed for value`},
	{driver, "operator", `unknown (?:top level )?operator:? \$`},
	{driver, "prisma.", "Invalid {q}prisma\\.\\w+\\.\\w+\\(\\){q} invocation"},
	{driver, "buffering timed out", `buffering timed out after \d+ms`},
	{driver, "strictPopulate", `{q}strictPopulate{q} option`},
	{driver, "hex string", `must be a 24 character hex string`},
	{driver, "connection string to start", `expected connection string to start with`},
	{driver, "otNull Violation", `notNull Violation: [\w.]`},
	{driver, "max retries per request", `Reached the max retries per request limit`},
	{driver, " constraint", `violates (?:unique|foreign key|not-null|check|exclusion) constraint`},
	{driver, " constraint", `(?:UNIQUE|FOREIGN KEY|NOT NULL|CHECK) constraint failed: \w`},
	{driver, "at or near", `syntax error at or near {q}`},
	{driver, " at or near ", `(?:unterminated|unexpected|trailing) [\w ]+ at or near {q}`},
	{driver, "operator does not exist", `operator does not exist: \w`},
	{driver, " query must have", `each (?:UNION|INTERSECT|EXCEPT) query must have`},
	{driver, "routine", `\.[chly]{q}[^{}]*routine{q}?\s*:\s*{q}\w`},
	{driver, "does not exist", `(?:relation|column|table|schema|database|role|function) {q}?[\w."\\&;$-]+?{q}? does not exist`},
	{driver, "authentication failed", `authentication failed for user {q}`},
	{driver, "pg_hba.conf", `no pg_hba\.conf entry for`},
	{driver, "invalid input syntax", `invalid input syntax for (?:type )?\w+: {q}`},
	{driver, "null value in column", `null value in column {q}`},
	{driver, "your SQL syntax", `error in your SQL syntax`},
	{driver, "ER_", `\bER_[A-Z]+(?:_[A-Z]+)+\b`},
	{driver, "Duplicate entry", `Duplicate entry {q}[^\n]*{q} for key {q}`},
	{driver, "Unknown column", `Unknown column {q}[^\n]*{q} in {q}`},
	{driver, "t exist", `Table {q}[\w.$-]+{q} doesn(?:{q})t exist`},
	{driver, "Access denied for user", `Access denied for user {q}[^\n]*@`},
	{driver, "SQLSTATE", `SQLSTATE\[?\w{5}`},
	{driver, "SQLITE_", `\bSQLITE_[A-Z]{4}`},
	{driver, "no such ", `no such (?:table|column|function): [A-Za-z_]`},
	{driver, ": syntax error", `near {q}[^\n]*{q}: syntax error`},
	{driver, "unrecognized token", `unrecognized token: {q}`},
	{driver, "ORA-", `\bORA-\d{5}:`},
	{driver, "Unclosed quotation", `Unclosed quotation mark after the character string`},
	{driver, "WRONGTYPE ", `WRONGTYPE Operation against`},
	{driver, "NOAUTH ", `NOAUTH Authentication required`},

	// The network behind the app.
	{network, "ECONN|ENOTFOUND|ETIMEDOUT|EHOST|ENET|EAI_AGAIN|EADDR",
		`\bE(?:CONNREFUSED|CONNRESET|CONNABORTED|NOTFOUND|TIMEDOUT|HOSTUNREACH|NETUNREACH|AI_AGAIN|ADDRINUSE|ADDRNOTAVAIL)[: ]+(?:localhost|{/}[\w.-]|[\w-]+\.[\w.-]+|[\w.-]+:\d+|[0-9a-fA-F:]*::[0-9a-fA-F:]*)`},
	{network, "EADDRINUSE", `EADDRINUSE: address already in use`},
	{network, "getaddrinfo", `getaddrinfo (?:ENOTFOUND|EAI_AGAIN) [\w.-]+`},
	{network, "syscall", `syscall{q}\s*:\s*{q}\w`},
	{network, "dial ", `dial (?:tcp|udp|unix)[46]? \S+: `},
	{network, "ConnectionPool", `ConnectionPool\(host={q}`},
	{network, "+10.|127.|169.254.|172.|192.168.",
		`(?i:connect|refused|timed? ?out|unreachable|upstream|dial|socket|reset by)[^\n"]*\b{private}`},
	{network, "+10.|127.|169.254.|172.|192.168.",
		`\b{private}[^\n"]*(?i:refused|timed? ?out|unreachable|reset by|not respond|no route)`},

	// The machine.
	{file, "ENOENT|EACCES|EPERM|EISDIR|ENOTDIR|EEXIST|EROFS|EMFILE|ENOSPC",
		`\bE(?:NOENT|ACCES|PERM|ISDIR|NOTDIR|EXIST|ROFS|MFILE|NOSPC): [a-z ,-]+, [a-z]+\b`},
	{file, "spawn", `spawn(?:Sync)? [^\s"'<>]+ E[A-Z]{4}`},
	{file, "Command failed: ", `Command failed: \S`},
	{file, ".ejs:|.pug:|.jade:|.hbs:|.njk:", `(?:{/}|{drive})[^\s"'<>]*\.(?:ejs|pug|jade|hbs|njk):\d+`},
	{file, "Require stack:", `Require stack:{br}- (?:{/}|{drive})`},
	{file, "Cannot find module", `Cannot find module {q}(?:{/}|{drive}|file:)`},
	{file, "views directory", `Failed to lookup view {q}[^\n]* in views director`},
	{file, "[Errno ", `\[Errno \d+\] [A-Z]`},
	{file, "no such file|permission denied", `(?:open|stat|mkdir|read|remove|exec) /[^\s"'<>]+: (?:no such file or directory|permission denied)`},

	// Libraries and the program itself.
	{library, "JsonWebTokenError|TokenExpiredError|NotBeforeError|MulterError", `\b(?:JsonWebToken|TokenExpired|NotBefore|Multer)Error(?: \[\w+\])?(?:: |{q})`},
	{program, "Cannot ", `Cannot (?:read|set) propert(?:y|ies) (?:of|{q})[^\n]*(?:undefined|null)`},
	{program, "ReferenceError", `name{q}\s*:\s*{q}ReferenceError{q}`},
	{program, "ReferenceError", `ReferenceError: [\w$]+ is not defined`},
	{program, "TypeError", `TypeError: [^\n]* is not (?:a function|a constructor|iterable)`},
	{program, "is not a function", `[\w$)}\]]\.[\w$.]+ is not a function`},
	{program, "is not iterable", `[\w$\]})] is not iterable`},
	{program, "circular structure", `Converting circular structure to JSON`},
	{program, "call stack", `Maximum call stack size exceeded`},
	{program, "argument must be|property must be", `(?:argument|property) must be (?:of type|an instance of|one of)[^\n]* Received `},
	{program, "ERR_", `\bERR_(?:INVALID_ARG_\w+|INVALID_STATE|OSSL_\w+|HTTP_HEADERS_SENT|MODULE_NOT_FOUND|REQUIRE_ESM|STREAM_\w+|ASSERTION)\b`},
	{program, "routines:", `error:[0-9A-F]{8}:[\w ]+ routines:`},
	{library, "secretOrP", `secretOrP(?:rivate|ublic)Key (?:must|is|has)`},
	{library, "strict mode: ", `strict mode: (?:unknown|missing|use|required|{q})`},
	{program, "Immutable prototype", `Immutable prototype object {q}`},
	{program, "runtime error", `runtime error: (?:invalid memory address|index out of range|slice bounds|integer divide|makeslice|hash of unhashable)`},
	{program, "Exception", `\b(?:java|javax|org|com|net|System)(?:\.\w+)+Exception\b`},
	{program, "Uncaught", `Fatal error(?:</b>)?: {br}Uncaught `},
}
