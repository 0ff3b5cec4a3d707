// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package rule

// The rules that keep a request readable in exactly one way. They are no
// mistake of their own: every one of the seven can be bypassed by a request
// that the filter and the app read differently.
const (
	RequestMethod       ID = "request/method"
	RequestPath         ID = "request/path"
	RequestHeader       ID = "request/header"
	RequestHeadersLarge ID = "request/headers-too-large"
	RequestQuery        ID = "request/query"
	RequestCookie       ID = "request/cookie"
	RequestTooLarge     ID = "request/body-too-large"
	RequestContentType  ID = "request/content-type"
	RequestCharset      ID = "request/charset"
	RequestCoding       ID = "request/content-coding"
	RequestJSON         ID = "request/json"
	RequestForm         ID = "request/form"
	RequestMultipart    ID = "request/multipart"
	RequestAborted      ID = "request/aborted"
	RequestBusy         ID = "request/busy"
	RequestUpgrade      ID = "request/upgrade"
	UpstreamDown        ID = "request/upstream-down"
	UpstreamTimeout     ID = "request/upstream-timeout"
	UpstreamNone        ID = "request/upstream-none"
	UpstreamFull        ID = "request/upstream-full"
)

var requestRules = []Rule{
	{ID: RequestMethod, Title: "Method not served", Severity: Low, Status: 405, CWE: 749,
		Why: "CONNECT and TRACE make a proxy a tunnel or a mirror, and an unknown method may slip past a rule written for known ones."},
	{ID: RequestPath, Title: "Path can be read in two ways", Severity: Medium, Status: 400, CWE: 22,
		Why: "Dot segments, control bytes and bad percent escapes let the rules and the app's router see two different routes."},
	{ID: RequestHeader, Title: "Header can be read in two ways", Severity: Medium, Status: 400, CWE: 444,
		Why: "A header given twice or with control bytes is read by one parser as its first value and by the next as its last."},
	{ID: RequestHeadersLarge, Title: "Headers too large", Severity: Low, Status: 431, CWE: 770,
		Why: "Unbounded headers let one client take the server's memory."},
	{ID: RequestQuery, Title: "Query can be read in two ways", Severity: Medium, Status: 400, CWE: 436,
		Why: "Query parsers disagree on bad escapes, on mixed plain and bracket names and on too many parameters."},
	{ID: RequestCookie, Title: "Cookie can be read in two ways", Severity: Low, Status: 400, CWE: 436,
		Why: "A JSON cookie that one parser refuses and another accepts carries objects past a filter."},
	{ID: RequestTooLarge, Title: "Body too large", Severity: Medium, Status: 413, CWE: 770,
		Why: "Unbounded bodies let one client take the server's memory and disk."},
	{ID: RequestContentType, Title: "Content type not readable", Severity: Medium, Status: 415, CWE: 436,
		Why: "A content type given twice or malformed makes one parser read JSON where another reads nothing."},
	{ID: RequestCharset, Title: "Charset not supported", Severity: High, Status: 415, CWE: 176,
		Why: "In UTF-7, UTF-16 or UTF-32 the bytes of an operator look harmless to a filter, and the app decodes them."},
	{ID: RequestCoding, Title: "Content coding not supported", Severity: High, Status: 415, CWE: 436,
		Why: "A filter that does not take off a content coding is blind to what the app will inflate."},
	{ID: RequestJSON, Title: "JSON can be read in two ways", Severity: Medium, Status: 400, CWE: 436,
		Why: "Duplicate names, trailing data, broken UTF-8 and extreme nesting are read differently by every parser."},
	{ID: RequestForm, Title: "Form can be read in two ways", Severity: Medium, Status: 400, CWE: 436,
		Why: "Form parsers disagree on bad escapes, on mixed plain and bracket names and on too many fields."},
	{ID: RequestMultipart, Title: "Multipart body can be read in two ways", Severity: High, Status: 400, CWE: 436,
		Why: "Multipart parsers disagree on repeated, folded or malformed part headers, so that a filter sees an image and the app a script."},
	{ID: RequestAborted, Title: "Request body incomplete", Severity: Info, Status: 400,
		Why: "The client stopped sending, or its body ended early."},
	{ID: RequestBusy, Title: "Too busy", Severity: Info, Status: 503,
		Why: "The memory set aside for request bodies, or the connections, are in use; the client may try again."},
	{ID: RequestUpgrade, Title: "Upgrade not served", Severity: Low, Status: 400, CWE: 444,
		Why: "Upgrading to anything but a WebSocket opens a tunnel past every rule."},
	{ID: UpstreamDown, Title: "Upstream not reachable", Severity: Info, Status: 502,
		Why: "The app behind the guard did not answer, or broke off its answer."},
	{ID: UpstreamTimeout, Title: "Upstream too slow", Severity: Info, Status: 504,
		Why: "The app behind the guard did not answer in time."},
	{ID: UpstreamNone, Title: "Nothing served here", Severity: Info, Status: 404,
		Why: "No group of upstreams is for this host and path."},
	{ID: UpstreamFull, Title: "Upstream busy", Severity: Info, Status: 503,
		Why: "All servers of the app are down or have as many requests as they may; the client may try again."},
}
