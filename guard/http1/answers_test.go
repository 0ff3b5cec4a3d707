// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// what a server may say, and what is understood. The connection ends after it.
var answers = map[string]struct {
	method  string // GET by default
	said    string
	status  int
	header  string // name: value, ...
	body    string
	trailer string
	interim []int
	broken  error // behind the header
}{
	"length":             {said: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello", status: 200, header: "Content-Length: 5, X: y", body: "hello"},
	"no-content-at-all":  {said: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", status: 200, header: "Content-Length: 0"},
	"no-reason":          {said: "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", status: 200, header: "Content-Length: 0"},
	"odd-status":         {said: "HTTP/1.1 799 Never Heard\r\nContent-Length: 0\r\n\r\n", status: 799, header: "Content-Length: 0"},
	"line-feeds":         {said: "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", status: 200, header: "Content-Length: 2", body: "ok"},
	"spaces":             {said: "HTTP/1.1 200 OK\r\nX:  a b\t \r\nContent-Length:2\r\n\r\nok", status: 200, header: "X: a b, Content-Length: 2", body: "ok"},
	"lower-case":         {said: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-own: 1\r\nX-OWN: 2\r\n\r\nok", status: 200, header: "Content-Length: 2, X-Own: 1, X-Own: 2", body: "ok"},
	"empty-value":        {said: "HTTP/1.1 200 OK\r\nX:\r\nContent-Length: 0\r\n\r\n", status: 200, header: "X: , Content-Length: 0"},
	"beyond-ascii":       {said: "HTTP/1.1 200 OK\r\nX: \xc3\xbc\xff\r\nContent-Length: 0\r\n\r\n", status: 200, header: "X: \xc3\xbc\xff, Content-Length: 0"},
	"two-equal-lengths":  {said: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", status: 200, header: "Content-Length: 2", body: "ok"},
	"to-the-end":         {said: "HTTP/1.1 200 OK\r\n\r\nall of it", status: 200, body: "all of it"},
	"old":                {said: "HTTP/1.0 200 OK\r\n\r\nall of it", status: 200, body: "all of it"},
	"old-with-a-length":  {said: "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nall of it", status: 200, header: "Content-Length: 3", body: "all"},
	"chunks":             {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", status: 200, body: "hello"},
	"chunks-in-capitals": {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\nA\r\n0123456789\r\n00\r\n\r\n", status: 200, body: "0123456789"},
	"chunk-extensions":   {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=\"b;c\"\r\nok\r\n0;last\r\n\r\n", status: 200, body: "ok"},
	"padded-chunk-size":  {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2   \r\nok\r\n0\r\n\r\n", status: 200, body: "ok"},
	"no-chunk":           {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", status: 200},
	"trailers":           {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, x-not\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nX-Late: 2\r\n\r\n", status: 200, body: "ok", trailer: "X-Sum: 1, X-Late: 2"},
	"head":               {method: "HEAD", said: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", status: 200, header: "Content-Length: 5"},
	"head-in-chunks":     {method: "HEAD", said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", status: 200},
	"head-without":       {method: "HEAD", said: "HTTP/1.1 200 OK\r\n\r\n", status: 200},
	"204":                {said: "HTTP/1.1 204 No Content\r\n\r\n", status: 204},
	"204-of-nothing":     {said: "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", status: 204, header: "Content-Length: 0"},
	"304":                {said: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", status: 304, header: "Content-Length: 5"},
	"304-in-chunks":      {said: "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", status: 304},
	"interim": {said: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		status: 200, header: "Content-Length: 2", body: "ok", interim: []int{100, 103}},
	"switched":    {said: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nbytes", status: 101, header: "Connection: Upgrade, Upgrade: websocket"},
	"long-header": {said: "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 200<<10) + "\r\nContent-Length: 2\r\n\r\nok", status: 200, header: "X: " + strings.Repeat("x", 200<<10) + ", Content-Length: 2", body: "ok"},
	"500-fields":  {said: "HTTP/1.1 200 OK" + strings.Repeat("\r\nX: 1", 499) + "\r\nContent-Length: 0\r\n\r\n", status: 200, header: strings.Repeat("X: 1, ", 499) + "Content-Length: 0"},
	"large":       {said: "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("0123456789", 10000), status: 200, header: "Content-Length: 100000", body: strings.Repeat("0123456789", 10000)},
	"large-chunks": {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("c350\r\n"+strings.Repeat("0123456789", 5000)+"\r\n", 2) + "0\r\n\r\n",
		status: 200, body: strings.Repeat("0123456789", 10000)},

	"length-cut-off":       {said: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", status: 200, header: "Content-Length: 5", body: "hell", broken: io.ErrUnexpectedEOF},
	"chunk-cut-off":        {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhell", status: 200, body: "hell", broken: io.ErrUnexpectedEOF},
	"chunks-without-last":  {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", status: 200, body: "ok", broken: io.ErrUnexpectedEOF},
	"chunks-without-end":   {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", status: 200, body: "ok", broken: io.ErrUnexpectedEOF},
	"chunk-too-short":      {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n", status: 200, body: "ok", broken: errChunk},
	"chunk-size-negative":  {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nok\r\n0\r\n\r\n", status: 200, broken: errChunk},
	"chunk-size-in-0x":     {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nok\r\n0\r\n\r\n", status: 200, broken: errChunk},
	"chunk-size-of-none":   {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n;a\r\nok\r\n0\r\n\r\n", status: 200, broken: errChunk},
	"chunk-size-huge":      {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\nok\r\n0\r\n\r\n", status: 200, broken: errChunk},
	"chunk-line-feed":      {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n", status: 200, broken: errLine},
	"chunk-end-line-feed":  {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\n0\r\n\r\n", status: 200, body: "ok", broken: errLine},
	"chunk-lone-return":    {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a\rb\r\nok\r\n0\r\n\r\n", status: 200, broken: errLine},
	"chunk-extension-nul":  {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;\x00\r\nok\r\n0\r\n\r\n", status: 200, broken: errChunk},
	"chunk-line-long":      {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;" + strings.Repeat("a", 5<<10) + "\r\nok\r\n0\r\n\r\n", status: 200, broken: errLongLine},
	"chunk-line-endless":   {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;" + strings.Repeat("a", 50<<10), status: 200, broken: errLongLine},
	"chunk-extensions-all": {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1;"+strings.Repeat("a", 4000)+"\r\nx\r\n", 20) + "0\r\n\r\n", status: 200, body: strings.Repeat("x", 16), broken: errExtra},
	"trailer-of-framing":   {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 1\r\n\r\n", status: 200, broken: errTrailers},
	"trailer-folded":       {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 1\r\n 2\r\n\r\n", status: 200, broken: errFolded},
	"trailers-too-long":    {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("X: "+strings.Repeat("x", 1000)+"\r\n", 20) + "\r\n", status: 200, broken: errLongTrailer},
}

// what is refused, and why. The client gets nothing of it.
var refused = map[string]struct {
	method string
	said   string
	err    error
}{
	"nothing":                {said: "", err: errNoAnswer},
	"not-http":               {said: "SSH-2.0-OpenSSH_9.6\r\n", err: errNoHTTP},
	"not-http-and-no-line":   {said: "220", err: errNoHTTP},
	"older":                  {said: "<p>hello", err: errNoHTTP},
	"newer":                  {said: "HTTP/2.0 200 OK\r\n\r\n", err: errNoHTTP},
	"version-1.2":            {said: "HTTP/1.2 200 OK\r\n\r\n", err: errStatus},
	"version-1.10":           {said: "HTTP/1.10 200 OK\r\n\r\n", err: errStatus},
	"lower-case-version":     {said: "http/1.1 200 OK\r\n\r\n", err: errNoHTTP},
	"empty-line-first":       {said: "\r\nHTTP/1.1 200 OK\r\n\r\n", err: errNoHTTP},
	"two-spaces":             {said: "HTTP/1.1  200 OK\r\n\r\n", err: errStatus},
	"tab":                    {said: "HTTP/1.1\t200 OK\r\n\r\n", err: errStatus},
	"two-digits":             {said: "HTTP/1.1 20 OK\r\n\r\n", err: errStatus},
	"four-digits":            {said: "HTTP/1.1 2000 OK\r\n\r\n", err: errStatus},
	"signed-status":          {said: "HTTP/1.1 +20 OK\r\n\r\n", err: errStatus},
	"nul-in-the-reason":      {said: "HTTP/1.1 200 O\x00K\r\n\r\n", err: errStatus},
	"cut-off-status":         {said: "HTTP/1.1 2", err: io.ErrUnexpectedEOF},
	"cut-off-header":         {said: "HTTP/1.1 200 OK\r\nContent-Le", err: io.ErrUnexpectedEOF},
	"no-empty-line":          {said: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", err: io.ErrUnexpectedEOF},
	"cut-off-after-interim":  {said: "HTTP/1.1 100 Continue\r\n\r\n", err: io.ErrUnexpectedEOF},
	"folded":                 {said: "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", err: errFolded},
	"folded-at-once":         {said: "HTTP/1.1 200 OK\r\n X: a\r\n\r\n", err: errFolded},
	"folded-coding":          {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\tchunked\r\n\r\n0\r\n\r\n", err: errFolded},
	"lone-return":            {said: "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: a=b\r\n\r\n", err: errFieldValue},
	"return-twice":           {said: "HTTP/1.1 200 OK\r\nX: a\r\r\n\r\n", err: errFieldValue},
	"line-feed-among-crlf":   {said: "HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: a=b\r\n\r\n", err: errLineEnds},
	"empty-line-of-lf":       {said: "HTTP/1.1 200 OK\r\nX: a\r\n\nbody", err: errLineEnds},
	"crlf-among-line-feeds":  {said: "HTTP/1.1 200 OK\nX: a\r\n\n", err: errLineEnds},
	"nul-in-a-value":         {said: "HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n", err: errFieldValue},
	"escape-in-a-value":      {said: "HTTP/1.1 200 OK\r\nX: a\x1bb\r\n\r\n", err: errFieldValue},
	"nul-in-a-name":          {said: "HTTP/1.1 200 OK\r\nX\x00: a\r\n\r\n", err: errFieldLine},
	"space-before-the-colon": {said: "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok", err: errFieldLine},
	"no-colon":               {said: "HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n", err: errFieldLine},
	"no-name":                {said: "HTTP/1.1 200 OK\r\n: 2\r\n\r\n", err: errFieldLine},
	"two-lengths":            {said: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\noka", err: errLengths},
	"two-spellings":          {said: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 02\r\n\r\nok", err: errLengths},
	"list-of-lengths":        {said: "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", err: errLengths},
	"signed-length":          {said: "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", err: errLengths},
	"hex-length":             {said: "HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok", err: errLengths},
	"empty-length":           {said: "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nok", err: errLengths},
	"huge-length":            {said: "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\nok", err: errLengths},
	"bad-length-of-head":     {method: "HEAD", said: "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", err: errLengths},
	"length-and-coding":      {said: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", err: errTwo},
	"coding-and-length":      {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n", err: errTwo},
	"unknown-coding":         {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok", err: errCoding},
	"identity":               {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nok", err: errCoding},
	"two-codings":            {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", err: errCoding},
	"coding-twice":           {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", err: errCoding},
	"coding-empty":           {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\nok", err: errCoding},
	"coding-vertical-tab":    {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", err: errFieldValue},
	"old-with-a-coding":      {said: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", err: errCoding},
	"204-with-a-length":      {said: "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", err: errInterim},
	"204-in-chunks":          {said: "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", err: errInterim},
	"interim-with-a-length":  {said: "HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n", err: errInterim},
	"interim-in-chunks":      {said: "HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", err: errInterim},
	"announced-framing":      {said: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n0\r\n\r\n", err: errTrailers},
	"endless-header":         {said: "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 300<<10) + "\r\n\r\n", err: errLongHeader},
	"endless-interim":        {said: strings.Repeat("HTTP/1.1 102 Processing\r\nX: "+strings.Repeat("x", 1<<10)+"\r\n\r\n", 500), err: errLongHeader},
	"501-fields":             {said: "HTTP/1.1 200 OK" + strings.Repeat("\r\nX: 1", 501) + "\r\n\r\n", err: errManyFields},
}

// fieldsOf reads "name: value, name: value".
func fieldsOf(s string) http.Header {
	h := http.Header{}
	for field := range strings.SplitSeq(s, ", ") {
		if name, value, ok := strings.Cut(field, ": "); ok {
			h.Add(name, value)
		}
	}
	return h
}

// sameFields compares headers; names without a value are trailers that did not come.
func sameFields(a, b http.Header) bool {
	for _, h := range []http.Header{a, b} {
		for name := range h {
			if !slices.Equal(a[name], b[name]) {
				return false
			}
		}
	}
	return true
}

// Whole, and byte by byte: where a server or the network cuts must not matter.
func TestAnswersAreRead(t *testing.T) {
	for name, test := range answers {
		for _, step := range []int{len(test.said), 1} {
			if step == 1 && len(test.said) > 10_000 {
				step = 999
			}
			t.Run(fmt.Sprintf("%s-%d", name, step), func(t *testing.T) {
				p := serve(t, inSteps(test.said, step))
				got := p.hear(newRequest(t, test.method, "/", nil))
				if got.err != nil || got.status != test.status || got.body != test.body || !errors.Is(got.broken, test.broken) || !slices.Equal(got.interim, test.interim) {
					t.Errorf("got %d %v %.100q, %v, %v; want %d %v %.100q, %v", got.status, got.interim, got.body, got.err, got.broken, test.status, test.interim, test.body, test.broken)
				}
				if want := fieldsOf(test.header); !sameFields(got.header, want) {
					t.Errorf("got header %.300v; want %.300v", got.header, want)
				}
				if want := fieldsOf(test.trailer); !sameFields(got.trailer, want) {
					t.Errorf("got trailers %v; want %v", got.trailer, want)
				}
			})
		}
	}
}

func TestAnswersAreRefused(t *testing.T) {
	for name, test := range refused {
		t.Run(name, func(t *testing.T) {
			p := serve(t, inSteps(test.said, max(1, len(test.said))))
			got := p.hear(newRequest(t, test.method, "/", nil))
			if !errors.Is(got.err, test.err) {
				t.Errorf("got %v and %d; want %v", got.err, got.status, test.err)
			}
		})
	}
	t.Run("status-zero", func(t *testing.T) {
		p := serve(t, inSteps("HTTP/1.1 000 None\r\n\r\n", 99))
		if got := p.hear(newRequest(t, "GET", "/", nil)); got.err == nil || !strings.Contains(got.err.Error(), "status 0") {
			t.Errorf("got %v", got.err)
		}
	})
}

// inSteps answers one request with so many bytes at a time.
func inSteps(said string, step int) func(int, net.Conn, *bufio.Reader) {
	return func(_ int, c net.Conn, in *bufio.Reader) {
		if _, ok := request(in); !ok {
			return
		}
		for b := range slices.Chunk([]byte(said), step) {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
		c.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c) // a reset could overtake what was said
	}
}
