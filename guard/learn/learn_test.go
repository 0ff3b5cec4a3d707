// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply"
)

func peer(r *http.Request) netip.Addr { return netip.MustParseAddrPort(r.RemoteAddr).Addr() }

// learner learns into a file of the test's own. Clients are their addresses.
func learner(t *testing.T, mode panoply.CSPMode, clients int) (*Learner, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	p := panoply.Policy{CSP: panoply.CSPSection{Mode: mode, File: filepath.Join(t.TempDir(), "csp.yaml"), Clients: clients}}
	l := New(p, slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(l.Close)
	return l, &log
}

// serve passes a page through, as if the app had answered a client with it.
func (l *Learner) serve(t *testing.T, target, from, page string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest("GET", target, nil)
	r.Host, r.RemoteAddr = "shop.example", from+":1"
	h := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	res := &http.Response{StatusCode: 200, Header: h, Body: io.NopCloser(strings.NewReader(page)), Request: r}
	l.Answered(res, peer)
	if b, err := io.ReadAll(res.Body); err != nil || string(b) != page {
		t.Errorf("the page became %q, %v", b, err)
	}
	return res
}

// reported sends a report from a client.
func (l *Learner) reported(from, contentType, body string) {
	r := httptest.NewRequest("POST", Path, strings.NewReader(body))
	r.Host, r.RemoteAddr = "shop.example", from+":1"
	r.Header.Set("Content-Type", contentType)
	rec := httptest.NewRecorder()
	l.Handler(peer, http.NotFoundHandler()).ServeHTTP(rec, r)
	if rec.Code != 204 || rec.Body.Len() > 0 {
		panic(fmt.Sprintf("status %d, %s", rec.Code, rec.Body))
	}
}

func csp2(page, directive, blocked, sample string) string {
	return fmt.Sprintf(`{"csp-report":{"document-uri":%q,"effective-directive":%q,"blocked-uri":%q,"script-sample":%q,"source-file":""}}`, page, directive, blocked, sample)
}

const shopPage = `<title>Shop</title><script>start()</script><style>p{}</style><p onclick="go(1)" style="color:red">
<script src="https://cdn.example/a.js"></script><script src="/own.js"></script><link rel=stylesheet href="//fonts.example/a.css"><a href="javascript:x()">y</a>`

// What enough clients have seen is proposed, what fewer have is told, and the file is
// part of a policy that allows it.
func TestProposal(t *testing.T) {
	l, _ := learner(t, panoply.Learn, 2)
	for i := range 3 {
		from := fmt.Sprintf("192.0.2.%d", i)
		l.serve(t, fmt.Sprintf("/orders/%d", i), from, shopPage)
		l.serve(t, "/", from, "<script>home()</script>")
		l.reported(from, "application/csp-report", csp2("https://shop.example/orders/9", "img-src", "https://img.example/x.png?token=1", ""))
		l.reported(from, "application/reports+json", `[{"type":"csp-violation","body":{"documentURL":"https://shop.example/orders/7","effectiveDirective":"script-src-elem","blockedURL":"inline","sample":"late()"}},
			{"type":"deprecation","body":{}}]`)
		l.reported(from, "application/csp-report", csp2("https://shop.example/", "script-src", "eval", ""))
		l.reported(from, "application/csp-report", csp2("https://shop.example/", "img-src", "data", ""))
	}
	l.serve(t, "/orders/3", "192.0.2.9", "<script>injected('\n# x')</script>")
	l.reported("192.0.2.9", "application/csp-report", csp2("https://shop.example/orders/1", "connect-src", "https://evil.example", ""))
	l.Close()
	got, err := os.ReadFile(l.file)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "proposal.golden", got)

	p, err := Apply(panoply.Policy{Upstream: "http://127.0.0.1:1", CSP: panoply.CSPSection{Mode: panoply.EnforceCSP, File: l.file}})
	if err != nil {
		t.Fatal(err)
	}
	suit, err := panoply.New(p)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/":          "script-src 'self' 'sha256-",
		"/orders/77": "script-src-attr 'unsafe-hashes' 'sha256-",
		"/else":      "script-src-attr 'none';style-src 'self' https: 'unsafe-inline'",
	} {
		rec := httptest.NewRecorder()
		suit.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/html") })).
			ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
		if got := rec.Header().Get("Content-Security-Policy"); !strings.Contains(got, want) || strings.Contains(got, "report-uri "+Path) == (path == "/else") {
			t.Errorf("%s: %s; want %s in it", path, got, want)
		}
	}
}

// 'strict-dynamic' is proposed where a page's own inline scripts load all the others.
func TestStrictDynamic(t *testing.T) {
	for name, tt := range map[string]struct {
		page string
		want bool
	}{
		"loader":            {"<script>load()</script>", true},
		"beside-an-address": {"<script>load()</script><script src=https://cdn.example/x.js></script>", false},
		"beside-its-own":    {"<script>load()</script><script src=/own.js></script>", false},
		"no-inline":         {"<p>x</p>", false},
		"module":            {"<script type=module>import 'https://tags.example/t.js'</script><script>load()</script>", false},
		"writes":            {"<script>load(); document.write('<script src=https://tags.example/t.js><' + '/script>')</script>", false},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := learner(t, panoply.Learn, 1)
			l.serve(t, "/a", "192.0.2.1", tt.page)
			l.reported("192.0.2.1", "application/csp-report", csp2("https://shop.example/a", "script-src-elem", "https://tags.example/t.js", ""))
			if got := string(proposal(l.seen.places(), 1)); strings.Contains(got, "'strict-dynamic'") != tt.want {
				t.Errorf("proposed\n%s", got)
			}
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs:\n%s", name, got)
	}
}

// The policy that goes with a page allows what is known of it, so that only the rest is
// reported.
func TestThePolicyThatReports(t *testing.T) {
	l, _ := learner(t, panoply.Learn, 3)
	first := l.serve(t, "/a", "192.0.2.1", shopPage).Header.Get("Content-Security-Policy-Report-Only")
	second := l.serve(t, "/A/", "192.0.2.2", shopPage).Header.Get("Content-Security-Policy-Report-Only")
	if strings.Contains(first, "sha256") || strings.Contains(first, "'none' 'report-sample'") || !strings.Contains(first, "report-uri "+Path) {
		t.Errorf("at first: %s", first)
	}
	if strings.Count(second, "sha256-") != 4 || !strings.Contains(second, "https://cdn.example") || !strings.Contains(second, "script-src-attr 'unsafe-hashes' 'sha256-") {
		t.Errorf("then: %s", second)
	}
	if own := l.serve(t, "/own", "192.0.2.1", shopPage, "Content-Security-Policy-Report-Only", "img-src 'none'").Header["Content-Security-Policy-Report-Only"]; len(own) != 2 || own[0] != "img-src 'none'" {
		t.Errorf("beside the app's own: %q", own)
	}
	for name, headers := range map[string][]string{
		"own-policy": {"Content-Security-Policy", "default-src 'self'"}, "coded": {"Content-Encoding", "br"}, "utf-16": {"Content-Type", "text/html;charset=UTF-16"}, "json": {"Content-Type", "application/json"},
	} {
		if got := l.serve(t, "/b", "192.0.2.1", shopPage, headers...).Header.Get("Content-Security-Policy-Report-Only"); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestPathsThatDifferAreOnePlace(t *testing.T) {
	tr := tree{clients: 3}
	var paths []string
	for i := range 60 {
		paths = append(paths, fmt.Sprintf("/posts/title-%c%c", 'a'+i%26, 'a'+i/26))
	}
	paths = append(paths, "", "/about", "/users/7", "/users/507f1f77bcf86cd799439011", "/users/new", "/users/new/edit", "/users/8/edit", "/u/ann@x", "/a%20b", "/x/{y}",
		"/v1.2/f3b1c2d4-1111-2222-3333-444455556666", "/deep"+strings.Repeat("/a", 30))
	for i, p := range paths {
		who := uint64(i % 5)
		tr.note(tr.serve(p, who), source{"script-src", p, ""}, "", who)
	}
	var got []string
	for _, p := range tr.places() {
		got = append(got, fmt.Sprintf("%s %d", p.pattern, len(p.seen)))
	}
	want := []string{
		"/{$} 1", "/{p1} 1", "/about 1", "/deep" + strings.Repeat("/a", 15) + "/{rest...} 1", "/posts/{p2} 60", "/u/{p2} 1",
		"/users/{p2} 2", "/users/{p2}/edit 1", "/users/new 1", "/users/new/edit 1", "/v1.2/{p2} 1", "/x/{p2} 1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// What a browser's extensions do, and what is no report, teaches nothing.
func TestReportsThatCountForNothing(t *testing.T) {
	const page = "https://shop.example/a"
	for name, tt := range map[string][2]string{
		"extension":       {"application/csp-report", csp2(page, "script-src", "chrome-extension://abc/x.js", "")},
		"moz-extension":   {"application/csp-report", strings.Replace(csp2(page, "script-src", "https://x.example", ""), `"source-file":""`, `"source-file":"moz-extension://x"`, 1)},
		"other-site":      {"application/csp-report", csp2("https://other.example/a", "img-src", "https://x.example", "")},
		"about":           {"application/csp-report", csp2(page, "frame-src", "about", "")},
		"no-address":      {"application/csp-report", csp2("::", "img-src", "https://x.example", "")},
		"odd-host":        {"application/csp-report", csp2(page, "img-src", "https://x;script-src.example", "")},
		"no-sample":       {"application/csp-report", csp2(page, "script-src", "inline", "")},
		"other-directive": {"application/csp-report", csp2(page, "sandbox; script-src *", "https://x.example", "")},
		"not-json":        {"application/csp-report", `{"csp-report":`},
		"two-names":       {"application/csp-report", `{"csp-report":{},"csp-report":{}}`},
		"too-long":        {"application/csp-report", csp2(page, "img-src", "https://x.example", strings.Repeat("x", maxReport))},
		"other-type":      {"text/plain", csp2(page, "img-src", "https://x.example", "")},
		"strange-shape":   {"application/reports+json", `[1,{"body":2},{"type":"csp-violation","body":{"documentURL":3}},{"type":"csp-violation"}]`},
		"own-host":        {"application/csp-report", csp2(page, "img-src", "https://shop.example/x.png", "")},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := learner(t, panoply.Learn, 1)
			l.serve(t, "/a", "192.0.2.1", "<p>")
			l.reported("192.0.2.1", tt[0], tt[1])
			for _, p := range l.seen.places() {
				for _, s := range p.seen {
					t.Errorf("learned %v", s.source)
				}
			}
		})
	}
}

// Nobody fills anything: reports beyond a rate, paths and sources beyond their number.
func TestBounds(t *testing.T) {
	var lim limits
	now := time.Unix(600, 0)
	count := func(who uint64, n int) (taken int) {
		for range n {
			if lim.take(who, now) {
				taken++
			}
		}
		return taken
	}
	if a, b := count(1, 100), count(2, 10); a != reportsEach || b != 10 {
		t.Errorf("%d and %d reports count", a, b)
	}
	for i := range 200 {
		count(uint64(100+i), 60)
	}
	if lim.all != reportsAll {
		t.Errorf("%d of all count; want %d", lim.all, reportsAll)
	}
	if now = now.Add(time.Minute); count(1, 1) != 1 {
		t.Error("a minute later none counts")
	}

	l, log := learner(t, panoply.Learn, 1)
	l.seen.serve("/a", 1)
	for i := range maxSources + 5 {
		l.note("/a", source{"img-src", fmt.Sprint("https://h", i, ".example"), ""}, strings.Repeat("s", 1000), uint64(i))
		l.note("/a", source{"img-src", "https://h.example", ""}, "", uint64(i))
	}
	for a := range 20 {
		for b := range 40 {
			l.policy(fmt.Sprintf("/x%c/y%c", 'a'+a, 'A'+b), 1, true)
		}
	}
	if p := l.seen.find("/a"); len(p.seen) != maxSources || len(p.seen[0].sample) > maxSample || l.seen.count > maxPlaces {
		t.Errorf("%d sources, %d places", len(p.seen), l.seen.count)
	}
	for _, s := range l.seen.find("/a").seen {
		if len(s.clients) > maxClients {
			t.Errorf("%d clients", len(s.clients))
		}
	}
	if n := strings.Count(log.String(), "more for a Content-Security-Policy"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

// nodes are all nodes of a tree.
func (n *node) nodes() int {
	count := 1
	for _, c := range n.below {
		count += c.nodes()
	}
	if n.varies != nil {
		count += n.varies.nodes()
	}
	return count
}

// What one client asks for, or reports, neither fills the places nor makes one of two.
func TestWhatOneClientCanDo(t *testing.T) {
	l, _ := learner(t, panoply.Learn, 3)
	l.serve(t, "/login", "192.0.2.1", "<script>login()</script>")
	l.serve(t, "/forum", "192.0.2.1", "<script>forum()</script>")
	for i := range 2000 { // every path is a page, as in an app of one page
		l.serve(t, fmt.Sprintf("/x%c%c/%d/y", 'a'+i%26, 'a'+i/26%26, i), "192.0.2.66", "<script>forum()</script>")
		if i < 50 {
			l.reported("192.0.2.66", "application/csp-report", csp2(fmt.Sprintf("https://shop.example/z%c%c", 'a'+i%26, 'a'+i/26), "img-src", "https://x.example", ""))
			l.reported("192.0.2.66", "application/csp-report", csp2("https://shop.example/forum", "img-src", fmt.Sprintf("https://x%d.example", i), ""))
		}
	}
	if n := len(l.seen.root.below); n != 2+maxSiblings/3 {
		t.Errorf("%d segments", n)
	}
	if count, nodes := l.seen.count, l.seen.root.nodes(); count > 2+maxPlaces/3 || nodes > 4*count {
		t.Errorf("%d places, %d nodes", count, nodes)
	}
	if p := l.seen.find("/login"); len(p.seen) != 1 || l.seen.find("/zaa") != nil {
		t.Errorf("/login has %d sources, or a report has made a place", len(p.seen))
	}
	if n := l.seen.find("/forum").first(l.hash(netip.MustParseAddr("192.0.2.66"))); n > maxSources/3 {
		t.Errorf("%d sources", n)
	}
	l.limits = limits{}
	for i := range 4 { // who others are is no matter of who came first
		l.serve(t, "/other", fmt.Sprintf("192.0.2.%d", 100+i), "<script>other()</script>")
	}
	if p := l.seen.find("/other"); p == nil || len(p.seen) != 1 || len(p.seen[0].clients) != 4 {
		t.Errorf("/other: %+v", p)
	}
}

// A body of many violations counts as many, and an IPv6 customer as one.
func TestViolationsAreCounted(t *testing.T) {
	l, _ := learner(t, panoply.Learn, 1)
	l.serve(t, "/a", "192.0.2.1", "<p>")
	for i := range 3 {
		var all []string
		for j := range maxReports {
			all = append(all, fmt.Sprintf(`{"type":"csp-violation","body":{"documentURL":"https://shop.example/a","effectiveDirective":"img-src","blockedURL":"https://x%d-%d.example"}}`, i, j))
		}
		l.reported(fmt.Sprintf("[2001:db8:0:%d::1]", i), "application/reports+json", "["+strings.Join(all, ",")+"]")
	}
	if n := len(l.seen.find("/a").seen); n != reportsEach {
		t.Errorf("%d count; want %d", n, reportsEach)
	}
}

// Pages of other statuses teach what their path needs, and make no path.
func TestPagesThatWereNotFound(t *testing.T) {
	l, _ := learner(t, panoply.Learn, 1)
	answer := func(path string, status int) bool {
		r := httptest.NewRequest("POST", path, nil)
		r.RemoteAddr = "192.0.2.1:1"
		res := &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"text/html"}}, Body: io.NopCloser(strings.NewReader("<script>a</script>")), Request: r}
		l.Answered(res, peer)
		io.ReadAll(res.Body)
		return res.Header.Get("Content-Security-Policy-Report-Only") != ""
	}
	if answer("/login", 404) || answer("/login", 302) || l.seen.count != 0 {
		t.Error("a page that was not found has made a place")
	}
	if !answer("/login", 200) || !answer("/login", 422) {
		t.Error("a page has no policy that reports")
	}
	if s := l.seen.find("/login").seen; len(s) != 1 || s[0].count != 2 {
		t.Errorf("learned %v", s)
	}
}

// A script of another host is proposed by its address, many by their host, and the
// file says so.
func TestScriptsOfOtherHosts(t *testing.T) {
	l, _ := learner(t, panoply.Learn, 1)
	var page strings.Builder
	page.WriteString("<script src='https://cdn.example/npm/a@1.2/dist/a.min.js?v=1#x'></script><script src=//other.example></script><script src='https://odd.example/a;b'></script>")
	page.WriteString("<script src='//https://dead.example/x.js'></script><link rel=stylesheet href='//http://dead.example'><script src=https://js.example/v3/></script>")
	for i := range maxScripts + 1 {
		fmt.Fprintf(&page, "<script src=https://many.example/%d.js></script>", i)
	}
	l.serve(t, "/a", "192.0.2.1", page.String())
	got := string(proposal(l.seen.places(), 1))
	for _, want := range []string{
		`"https://cdn.example/npm/a@1.2/dist/a.min.js" # script, seen 1x`, `"other.example" # ANY script of that host: script, seen 1x`,
		`"https://odd.example" # ANY script of that host: script`, `"https://many.example" # ANY script of that host: more than 8 were seen`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in\n%s", want, got)
		}
	}
	if strings.Contains(got, `"https:"`) && strings.Contains(got, `"https:" #`) || strings.Contains(got, "http:\"") || !strings.Contains(got, `"https://js.example/v3/" # ANY script below it: script`) {
		t.Errorf("proposed\n%s", got)
	}
	if strings.Count(got, "many.example") != 1 {
		t.Errorf("a host stands there twice:\n%s", got)
	}
	suitOf(t, l.file, got)
}

// The policy that goes with a page fits into a header, whatever was reported, and the
// file into a policy.
func TestWhatIsWrittenHasABound(t *testing.T) {
	l, log := learner(t, panoply.Learn, 3)
	for place := range 30 {
		l.serve(t, fmt.Sprintf("/p%c%c", 'a'+place%26, 'a'+place/26), fmt.Sprintf("192.0.2.%d", place), "<p>")
	}
	for from := range 40 {
		for i := range 600 {
			l.limits = limits{}
			path := fmt.Sprintf("/p%c%c", 'a'+i%26, 'a'+i%30/26)
			l.reported(fmt.Sprintf("198.51.100.%d", from), "application/csp-report", csp2("https://shop.example"+path, "script-src-elem",
				fmt.Sprintf("https://%s%d-%d.example/%s", strings.Repeat("h", 50), from, i, strings.Repeat("p", 120)), strings.Repeat(`"`, 200)))
		}
	}
	if l.seen.sources > maxAll || l.seen.firsts[l.hash(netip.MustParseAddr("198.51.100.0"))] > maxAll/3 {
		t.Errorf("%d sources, %v", l.seen.sources, l.seen.firsts)
	}
	for _, p := range l.seen.places() {
		if policy, _ := p.reportOnly(3); len(policy) > maxHeader {
			t.Errorf("%s: a header of %d bytes", p.pattern, len(policy))
		}
	}
	if h := l.serve(t, "/paa", "192.0.2.2", "<p>").Header.Get("Content-Security-Policy-Report-Only"); len(h) > maxHeader || strings.Count(log.String(), "more is known of a page") != 1 {
		t.Errorf("a header of %d bytes: %s", len(h), log)
	}
	for _, clients := range []int{1, 3} {
		text := proposal(l.seen.places(), clients)
		if len(text) > 2<<20 {
			t.Errorf("a file of %d bytes", len(text))
		}
		suitOf(t, l.file, string(text))
	}
}

// What cannot be allowed is told, and what the default refuses of the own host is
// allowed.
func TestWhatIsToldBesides(t *testing.T) {
	l, _ := learner(t, panoply.Learn, 1)
	l.serve(t, "/a", "192.0.2.1", "<svg><style>.of-an-export{}</style><style>a&amp;b</style></svg>")
	for directive, blocked := range map[string]string{"object-src": "https://shop.example/x.pdf", "base-uri": "https://cdn.example", "style-src-elem": "inline"} {
		l.reported("192.0.2.1", "application/csp-report", csp2("https://shop.example/a", directive, blocked, strings.Repeat("x", 40)))
	}
	got := string(proposal(l.seen.places(), 1))
	for _, want := range []string{
		`# inline style, seen 1x by 1: ".of-an-export{}"`, "# cannot be allowed: an inline script or style of SVG", "object-src:\n            - \"'self'\"",
		"# cannot be allowed: a <base>", "# cannot be allowed: an inline text for style-src",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in\n%s", want, got)
		}
	}
	suitOf(t, l.file, got)
}

// suitOf is the suit that enforces a file.
func suitOf(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Apply(panoply.Policy{Upstream: "http://127.0.0.1:1", CSP: panoply.CSPSection{Mode: panoply.EnforceCSP, File: file}})
	if err == nil {
		_, err = panoply.New(p)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// What is not learned is said, once.
func TestWhatIsNotLearnedIsSaid(t *testing.T) {
	l, log := learner(t, panoply.Learn, 1)
	for range 2 {
		l.serve(t, "/a", "192.0.2.1", "<p>", "Content-Encoding", "br")
		l.reported("192.0.2.1", "application/csp-report", csp2("https://outer.example/a", "img-src", "https://x.example", ""))
	}
	for _, want := range []string{"content coding", "a proxy in front that changes Host"} {
		if strings.Count(log.String(), want) != 1 {
			t.Errorf("logged %s", log)
		}
	}
}

// A learner that was closed writes nothing: another may have taken its place.
func TestAClosedLearnerWritesNothing(t *testing.T) {
	l, _ := learner(t, panoply.Learn, 1)
	l.serve(t, "/a", "192.0.2.1", "<script>a</script>")
	l.Close()
	l.serve(t, "/a", "192.0.2.1", "<script>b</script>")
	if l.pending != nil {
		t.Error("it is going to write")
	}
	if text, err := os.ReadFile(l.file); err != nil || strings.Count(string(text), "sha256-") != 1 {
		t.Errorf("written %s, %v", text, err)
	}
}

// A file that somebody may be reading is not lost when the guard starts again.
func TestWhatWasProposedBeforeIsKept(t *testing.T) {
	l, _ := learner(t, panoply.Learn, 1)
	if err := os.WriteFile(l.file, []byte(firstLine+" reviewed"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"<script>a</script>", "<script>b</script>"} {
		l.serve(t, "/", "192.0.2.1", page)
		l.pending.Stop()
		l.write()
	}
	if before, err := os.ReadFile(l.file + ".1"); err != nil || string(before) != firstLine+" reviewed" {
		t.Errorf("kept %q, %v", before, err)
	}
	for range maxKept {
		l.kept = false
		l.writes.Add(1)
		l.write()
	}
	if _, err := os.Stat(l.file + ".10"); err == nil {
		t.Error("more are kept than that")
	}
	if before, err := os.ReadFile(l.file + ".9"); err != nil || strings.Count(string(before), "sha256-") != 2 {
		t.Errorf("kept %q, %v", before, err)
	}
	if now, err := os.ReadFile(l.file); err != nil || strings.Count(string(now), "sha256-") != 2 {
		t.Errorf("written %s, %v", now, err)
	}
}

// Nothing of somebody else's is overwritten or moved, while it learns either.
func TestOtherFilesStay(t *testing.T) {
	l, log := learner(t, panoply.Learn, 1)
	write := func() {
		l.writes.Add(1)
		l.write()
	}
	l.serve(t, "/", "192.0.2.1", "<script>a</script>")
	write()
	for _, file := range []string{l.file, l.file + ".9"} {
		if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		l.kept = false
		write()
		if got, err := os.ReadFile(file); err != nil || string(got) != "mine" {
			t.Errorf("%s is %q, %v", file, got, err)
		}
		os.WriteFile(l.file, []byte(firstLine), 0o600)
	}
	if n := strings.Count(log.String(), "none that csp: learn has written"); n != 2 {
		t.Errorf("logged %s", log)
	}
}

// What a client asks for by HEAD, and reports before anybody has seen the page, does
// not decide what the page is.
func TestAReportBeforeThePage(t *testing.T) {
	l, _ := learner(t, panoply.Learn, 3)
	r := httptest.NewRequest("HEAD", "/a", nil)
	r.RemoteAddr = "192.0.2.66:1"
	l.Answered(&http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: http.NoBody, Request: r}, peer)
	if l.seen.count != 0 {
		t.Error("HEAD has made a place")
	}
	l.serve(t, "/a", "192.0.2.66", "<p>")
	l.reported("192.0.2.66", "application/csp-report", csp2("https://shop.example/a", "script-src-elem", "https://cdn.example/a.js", ""))
	for i := range 3 {
		l.serve(t, "/a", fmt.Sprintf("192.0.2.%d", i), `<script>start()</script><script src="https://cdn.example/a.js"></script>`)
	}
	if got := string(proposal(l.seen.places(), 3)); strings.Contains(got, "strict-dynamic") {
		t.Errorf("proposed\n%s", got)
	}
}

// A policy in force tells what it blocks, each kind once, and learns nothing.
func TestViolationsAreTold(t *testing.T) {
	l, log := learner(t, panoply.EnforceCSP, 1)
	for i := range 5 {
		l.reported("192.0.2.1", "application/csp-report", csp2("https://shop.example/a?secret=1", "script-src-elem", fmt.Sprintf("https://evil.example/%d", i), "x"))
		l.reported("192.0.2.1", "application/csp-report", csp2("https://shop.example/a", "script-src-elem", "inline", "stolen()"))
	}
	text := log.String()
	l.reported("192.0.2.1", "application/csp-report", csp2("https://shop.example/a", "made-up", "inline", ""))
	l.reported("192.0.2.1", "application/csp-report", csp2("https://shop.example/a", "img-src", "made up", ""))
	if text != log.String()[:len(text)] || strings.Count(log.String(), "\n") != 3 || !strings.Contains(log.String(), "directive=img-src blocked=self") {
		t.Errorf("logged %s", log)
	}
	for i := range 2 * maxToldEach {
		l.limits = limits{}
		l.reported("192.0.2.1", "application/csp-report", csp2(fmt.Sprintf("https://shop.example/%d", i), "img-src", "inline", ""))
	}
	if len(l.told) != maxToldEach || strings.Count(log.String(), "more violations") != 1 {
		t.Errorf("%d are told", len(l.told))
	}
	if strings.Count(text, "\n") != 2 || !strings.Contains(text, "blocked=https://evil.example\n") || !strings.Contains(text, "blocked=inline\n") || strings.Contains(text, "secret") {
		t.Errorf("logged %s", text)
	}
	if l.seen.count != 0 {
		t.Error("it learned")
	}
}

func TestFilesThatCannotBeEnforced(t *testing.T) {
	for name, tt := range map[string][2]string{
		"absent":    {"", "does not exist"},
		"no-routes": {"headers: {}\n", "has no routes"},
		"no-policy": {"headers: {routes: [{match: /a, x_frame_options: deny}]}\n", "headers.routes[0] has no content_security_policy"},
		"more":      {"headers: {routes: [{match: /a, content_security_policy: {}}]}\nnosql: off\n", "says more than headers.routes"},
		"default":   {"headers: {x_frame_options: off, routes: [{match: /a, content_security_policy: {}}]}\n", "says more than headers.routes"},
		"malformed": {"headers:\n  routes: [{match: /a, content_security_polici: x}]\n", ":2:"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "csp.yaml")
			if tt[0] != "" {
				if err := os.WriteFile(file, []byte(tt[0]), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Apply(panoply.Policy{CSP: panoply.CSPSection{Mode: panoply.EnforceCSP, File: file}})
			if err == nil || !strings.Contains(err.Error(), tt[1]) {
				t.Errorf("got %v; want %s", err, tt[1])
			}
		})
	}
}

func TestFilesThatAreNotWritten(t *testing.T) {
	dir := t.TempDir()
	other, own := filepath.Join(dir, "policy.yaml"), filepath.Join(dir, "csp.yaml")
	for file, text := range map[string]string{other: "csp: {mode: learn, file: policy.yaml}\n", own: string(proposal(nil, 1)), filepath.Join(dir, "empty"): ""} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]string{
		own: "", filepath.Join(dir, "new.yaml"): "", filepath.Join(dir, "empty"): "",
		other: "none that csp: learn has written", dir: "cannot", filepath.Join(dir, "none", "csp.yaml"): "cannot be found", filepath.Join(other, "x"): "is no directory",
	} {
		_, err := Apply(panoply.Policy{CSP: panoply.CSPSection{Mode: panoply.Learn, File: file}})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v; want %s", file, err, want)
		}
	}
}

// FuzzReports holds that no report stops the guard, and that whatever is learned from
// one makes a file that can be enforced.
func FuzzReports(f *testing.F) {
	f.Add(csp2("https://shop.example/a", "img-src", "https://x.example", "x"))
	f.Add(`[{"type":"csp-violation","body":{"documentURL":"https://shop.example/{x}/\u0000","effectiveDirective":"font-src","blockedURL":"data","sample":"\n"}}]`)
	f.Fuzz(func(t *testing.T, body string) {
		file := filepath.Join(t.TempDir(), "csp.yaml")
		l := New(panoply.Policy{CSP: panoply.CSPSection{Mode: panoply.Learn, File: file, Clients: 1}}, slog.New(slog.DiscardHandler))
		for _, path := range []string{"/a", "/%7Bx%7D"} {
			l.serve(t, path, "192.0.2.1", "<script>x</script>")
		}
		l.reported("192.0.2.1", "application/reports+json", body)
		if l.seen.count == 0 {
			return
		}
		l.Close()
		p, err := Apply(panoply.Policy{Upstream: "http://127.0.0.1:1", CSP: panoply.CSPSection{Mode: panoply.EnforceCSP, File: file}})
		if err == nil {
			_, err = panoply.New(p)
		}
		if err != nil {
			text, _ := os.ReadFile(file)
			t.Fatalf("%q: %v\n%s", body, err, text)
		}
	})
}
