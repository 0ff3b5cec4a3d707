// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/panoply-security/panoply/guard/http1"
)

// Every test stops what it starts: no goroutine may be left.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen. Nothing waits that
// long unless it fails.
const patience = 20 * time.Second

// way is one of the two that a request can take to the app.
type way struct {
	handler http.Handler
	close   func()
}

func rewrite(app string) func(*httputil.ProxyRequest) {
	return func(pr *httputil.ProxyRequest) {
		pr.Out.URL.Scheme, pr.Out.URL.Host = "http", app
		pr.Out.Host = pr.In.Host
		pr.Out.URL.RawQuery = pr.In.URL.RawQuery
		pr.Out.Trailer = nil
		pr.Out.Header.Del("Expect")
		pr.SetXForwarded()
	}
}

func unreachable(w http.ResponseWriter, _ *http.Request, err error) {
	w.Header()["X-Cause"] = []string{err.Error()}
	w.WriteHeader(http.StatusBadGateway)
}

func lean(app string) way {
	c := http1.New(http1.Config{Answer: patience, Dial: func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", app)
	}})
	return way{&Handler{Transport: c, Rewrite: rewrite(app), ErrorHandler: unreachable,
		ModifyResponse: func(*http.Response) error { return nil }, Broken: func(*http.Request, error) {}}, c.CloseIdleConnections}
}

func standard(app string) way {
	t := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true, MaxResponseHeaderBytes: 256 << 10, ResponseHeaderTimeout: patience}
	return way{&httputil.ReverseProxy{Transport: t, Rewrite: rewrite(app), ErrorHandler: unreachable,
		ErrorLog: log.New(io.Discard, "", 0)}, t.CloseIdleConnections}
}

// play is what an app and a client do: the app answers the n-th request that it reads, on
// whichever connection, with the n-th answer; the client sends each request when it has the
// answer to the one before.
type play struct {
	client []string
	app    []string
	differ map[string]string // what differs for the "app" or the "client", and why
}

func get(lines ...string) string {
	return strings.Join(append([]string{"GET /a?b HTTP/1.1", "Host: shop.example", "User-Agent: x"}, lines...), "\r\n") + "\r\n\r\n"
}

func post(body string, lines ...string) string {
	return strings.Join(append([]string{"POST /a HTTP/1.1", "Host: shop.example", "User-Agent: x"}, lines...), "\r\n") + "\r\n\r\n" + body
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"

// Why something differs between the two ways.
const (
	refusedHere = "what can be read in two ways is refused here; net/http has one of them"
	noGuess     = "net/http makes Cache-Control of a Pragma, for old clients; here the client gets what the app said"
	noType      = "net/http guesses a type that the app has not said"
	wholeAtOnce = "an answer in chunks that is there at once leaves with its length"
)

var plays = map[string]play{
	"get":                    {client: []string{get()}, app: []string{ok}},
	"two-in-a-row":           {client: []string{get(), get("X-Second: 1")}, app: []string{ok, ok}},
	"post":                   {client: []string{post("{}", "Content-Length: 2", "Content-Type: application/json")}, app: []string{ok}},
	"post-in-chunks":         {client: []string{post("2\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding: chunked")}, app: []string{ok}},
	"post-with-trailers":     {client: []string{post("2\r\n{}\r\n0\r\nX-Sum: 1\r\n\r\n", "Transfer-Encoding: chunked", "Trailer: X-Sum")}, app: []string{ok}},
	"post-of-nothing":        {client: []string{post("", "Content-Length: 0")}, app: []string{ok}},
	"post-of-no-chunks":      {client: []string{post("0\r\n\r\n", "Transfer-Encoding: chunked")}, app: []string{ok}},
	"post-then-get":          {client: []string{post("{}", "Content-Length: 2"), get()}, app: []string{ok, ok}},
	"get-with-a-body":        {client: []string{get("Content-Length: 2") + "{}"}, app: []string{ok}},
	"delete":                 {client: []string{"DELETE /a HTTP/1.1\r\nHost: a\r\n\r\n"}, app: []string{ok}},
	"put-of-nothing":         {client: []string{"PUT /a HTTP/1.1\r\nHost: a\r\n\r\n"}, app: []string{ok}},
	"options-asterisk":       {client: []string{"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"}, app: []string{ok}},
	"odd-method":             {client: []string{"PURGE /a HTTP/1.1\r\nHost: a\r\n\r\n"}, app: []string{ok}},
	"old-client":             {client: []string{"GET /a HTTP/1.0\r\n\r\n"}, app: []string{ok}},
	"old-client-keeps-alive": {client: []string{"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"}, app: []string{ok}},
	"old-client-chunks":      {client: []string{"GET /a HTTP/1.0\r\n\r\n"}, app: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"}, differ: map[string]string{"client": wholeAtOnce}},
	"client-closes":          {client: []string{get("Connection: close")}, app: []string{ok}},
	"absolute-form":          {client: []string{"GET http://b/x?y HTTP/1.1\r\nHost: a\r\n\r\n"}, app: []string{ok}},
	"escapes":                {client: []string{"GET /a%2Fb/%c3%bc?x=%zz&y=1 HTTP/1.1\r\nHost: a\r\n\r\n"}, app: []string{ok}},
	"empty-query":            {client: []string{"GET /a? HTTP/1.1\r\nHost: a\r\n\r\n"}, app: []string{ok}},
	"no-user-agent":          {client: []string{"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"}, app: []string{ok}},
	"empty-user-agent":       {client: []string{"GET /a HTTP/1.1\r\nHost: a\r\nUser-Agent:\r\n\r\n"}, app: []string{ok}},
	"repeated-fields":        {client: []string{get("X-Own: 1", "x-own: 2", "Cookie: a=1", "Cookie: b=2", "X-Empty:")}, app: []string{ok}},
	"fields-of-connection":   {client: []string{get("Connection: keep-alive, X-Hop", "X-Hop: 1", "Keep-Alive: timeout=5", "Proxy-Connection: x", "Proxy-Authorization: x", "TE: trailers, deflate", "Upgrade: h2c")}, app: []string{ok}},
	"forwarding-fields":      {client: []string{get("X-Forwarded-For: 1.2.3.4", "X-Forwarded-Host: evil", "X-Forwarded-Proto: https", "Forwarded: for=1.2.3.4")}, app: []string{ok}},
	"connection-names-ours":  {client: []string{get("Connection: X-Forwarded-For")}, app: []string{ok}},
	"many-fields": {client: []string{get(slices.Collect(func(yield func(string) bool) {
		for i := range 60 {
			if !yield(fmt.Sprintf("X-%d: %d", i, i)) {
				return
			}
		}
	})...)}, app: []string{ok}},

	"answer-fields":           {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX-Empty:\r\nETag: \"x\"\r\nContent-Type: text/plain\r\n\r\nok"}},
	"answer-of-connection":    {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: x\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nContent-Type: text/plain\r\n\r\nok"}},
	"answer-without-a-type":   {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"}, differ: map[string]string{"client": noType}},
	"answer-closes":           {client: []string{get(), get()}, app: []string{"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok", ok}},
	"answer-in-chunks":        {client: []string{get(), get()}, app: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n2\r\nok\r\n0\r\n\r\n", ok}, differ: map[string]string{"client": wholeAtOnce}},
	"answer-in-many-chunks":   {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n" + strings.Repeat("a\r\n0123456789\r\n", 5000) + "0\r\n\r\n"}},
	"answer-large":            {client: []string{get(), get()}, app: []string{"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\nContent-Type: text/plain\r\n\r\n" + strings.Repeat("0123456789", 20_000), ok}},
	"answer-to-the-end":       {client: []string{get(), get()}, app: []string{"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nall" + end, ok}},
	"answer-old":              {client: []string{get(), get()}, app: []string{"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nall" + end, ok}},
	"answer-old-with-length":  {client: []string{get(), get()}, app: []string{"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nall" + end, ok}},
	"answer-of-line-feeds":    {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\nContent-Length: 2\nContent-Type: text/plain\n\nok"}},
	"answer-of-equal-lengths": {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"}},
	"answer-trailers":         {client: []string{get("TE: trailers")}, app: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\nContent-Type: text/plain\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"}},
	"answer-late-trailers":    {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n2\r\nok\r\n0\r\nX-Late: 1\r\n\r\n"}},
	"answer-both-trailers":    {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\nContent-Type: text/plain\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nX-Late: 2\r\n\r\n"}},
	"answer-trailer-promised": {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\nContent-Type: text/plain\r\n\r\n2\r\nok\r\n0\r\n\r\n"}},
	"answer-204":              {client: []string{get(), get()}, app: []string{"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n", ok}},
	"answer-205":              {client: []string{get()}, app: []string{"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"}},
	"answer-304":              {client: []string{get(), get()}, app: []string{"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 5\r\n\r\n", ok}},
	"answer-404":              {client: []string{get()}, app: []string{"HTTP/1.1 404 Nothing Here\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nno"}},
	"answer-799":              {client: []string{get()}, app: []string{"HTTP/1.1 799 Odd\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nno"}},
	"answer-partial":          {client: []string{get("Range: bytes=0-1")}, app: []string{"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/5\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"}},
	"head":                    {client: []string{"HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n", get()}, app: []string{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\n", ok}},
	"head-in-chunks":          {client: []string{"HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n", get()}, app: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n", ok}},
	"interim":                 {client: []string{get()}, app: []string{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\n" + ok}},
	"expectation":             {client: []string{post("{}", "Content-Length: 2", "Expect: 100-continue")}, app: []string{ok}},
	"pragma":                  {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nPragma: no-cache\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"}, differ: map[string]string{"client": noGuess}},

	"refused-nothing":           {client: []string{get()}, app: []string{end}},
	"refused-no-http":           {client: []string{get()}, app: []string{"SSH-2.0\r\n" + end}},
	"refused-two-lengths":       {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok"}},
	"refused-list-of-lengths":   {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok"}},
	"refused-coding":            {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok"}},
	"refused-nul":               {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nX: a\x00\r\nContent-Length: 0\r\n\r\n"}},
	"refused-lone-return":       {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n"}},
	"refused-space-before":      {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 0\r\n\r\n"}, differ: map[string]string{"client": refusedHere}},
	"refused-long-header":       {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 300<<10) + "\r\n\r\n"}},
	"refused-length-and-coding": {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"}, differ: map[string]string{"client": refusedHere}},
	"refused-folded":            {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n"}, differ: map[string]string{"client": refusedHere}},
	"refused-mixed-line-ends":   {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"}, differ: map[string]string{"client": refusedHere}},
	"refused-old-with-chunks":   {client: []string{get()}, app: []string{"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\nok"}, differ: map[string]string{"client": refusedHere}},
	"refused-204-with-content":  {client: []string{get()}, app: []string{"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok" + end}, differ: map[string]string{"client": refusedHere}},
	"refused-interim-length":    {client: []string{get()}, app: []string{"HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\n\r\n" + ok}, differ: map[string]string{"client": refusedHere}},
	"refused-switch":            {client: []string{get()}, app: []string{"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + end}},
	"broken-length":             {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nok" + end}},
	"broken-chunks":             {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n2\r\nok\r\n" + end}},
	"broken-chunk-size":         {client: []string{get()}, app: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\nxyz\r\nok\r\n0\r\n\r\n"}},
}

// end says that the app closes the connection.
const end = "\x00end"

// exchange is what was said and heard on both sides.
type exchange struct {
	app    []string // requests, with sorted fields
	client []string // answers
}

// perform plays a play on one way.
func perform(t *testing.T, p play, to func(app string) way) (x exchange) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	requests := make(chan string, 100)
	turn := make(chan string, len(p.app))
	for _, said := range p.app {
		turn <- said
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(patience))
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					requests <- request(r)
					said, ends := strings.CutSuffix(<-turn, end)
					io.WriteString(c, said)
					if ends {
						return
					}
				}
			}()
		}
	}()
	w := to(listener.Addr().String())
	server := httptest.NewUnstartedServer(w.handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Config.DisableGeneralOptionsHandler = true
	server.Start()
	defer func() {
		w.close()
		server.Close()
		listener.Close()
		<-ended
	}()
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	var raw bytes.Buffer
	in := bufio.NewReader(io.TeeReader(c, &raw))
	for _, sent := range p.client {
		io.WriteString(c, sent)
		method, _, _ := strings.Cut(sent, " ")
		for {
			answer, more := answer(in, &raw, method)
			x.client = append(x.client, answer)
			if !more {
				break
			}
		}
	}
	close(requests)
	for r := range requests {
		x.app = append(x.app, strings.ReplaceAll(r, listener.Addr().String(), "the app's address"))
	}
	return x
}

func fields(h http.Header) string {
	var b bytes.Buffer
	h.Write(&b) // sorted
	return b.String()
}

// request is what an app reads.
func request(r *http.Request) string {
	body, err := io.ReadAll(r.Body)
	return fmt.Sprintf("%s %s %s\n%s%d %v\n%s%s%v", r.Method, r.RequestURI, r.Host, fields(r.Header), r.ContentLength, r.TransferEncoding, body, fields(r.Trailer), err)
}

// brokenOff is an answer that did not come whole. How much did is a matter of buffers.
const brokenOff = "broken off"

// answer is what a client reads, and whether there is more to read to its request. raw is
// what has come since the last one.
func answer(in *bufio.Reader, raw *bytes.Buffer, method string) (text string, more bool) {
	res, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		return brokenOff, false
	}
	head, _, _ := bytes.Cut(raw.Bytes(), []byte("\r\n\r\n"))
	raw.Next(len(head) + 4)
	lines := slices.DeleteFunc(strings.Split(string(head), "\r\n"), func(line string) bool {
		return strings.HasPrefix(line, "Date: ") || strings.HasPrefix(line, "X-Cause: ") // in the words of either
	})
	slices.Sort(lines[1:])
	text = strings.Join(lines, "\n")
	if res.StatusCode < 200 {
		return text, true
	}
	body, err := io.ReadAll(res.Body)
	raw.Reset()
	if err != nil {
		return brokenOff, false
	}
	return fmt.Sprintf("%s\n\n%s\n%s", text, body, fields(res.Trailer)), false
}

// The app and the client see the same, whichever way is taken, but for what a row names.
func TestBothWaysAreTheSame(t *testing.T) {
	for name, p := range plays {
		t.Run(name, func(t *testing.T) {
			var logged bytes.Buffer
			log.SetOutput(&logged)
			got := perform(t, p, lean)
			if logged.Len() > 0 {
				t.Errorf("the log has %q", &logged)
			}
			log.SetOutput(io.Discard) // net/http logs what an app says unasked
			want := perform(t, p, standard)
			log.SetOutput(os.Stderr)
			compare := func(side string, got, want []string) {
				if why, same := p.differ[side], slices.Equal(got, want); same == (why != "") {
					t.Errorf("the %s sees\n%q\nby net/http it sees\n%q\ndiffers because: %s", side, got, want, why)
				}
			}
			compare("app", got.app, want.app)
			compare("client", got.client, want.client)
		})
	}
}
