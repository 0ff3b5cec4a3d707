// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package conf

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestRoundTrip encodes random policies and reads them back.
func TestRoundTrip(t *testing.T) {
	r := random{rand.New(rand.NewPCG(1, 2))}
	for range 500 {
		p := r.policy()
		out, err := Encode(&p)
		if err != nil {
			t.Fatalf("%v in %+v", err, p)
		}
		var back policy
		if _, err := Decode("f", out, &back); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if !reflect.DeepEqual(p, back) {
			t.Fatalf("got  %+v\nwant %+v\nfrom\n%s", back, p, out)
		}
		if again, _ := Encode(back); !bytes.Equal(out, again) {
			t.Fatalf("not deterministic:\n%s\n%s", out, again)
		}
	}
}

// random makes values that a policy file can say, odd ones above all.
type random struct{ *rand.Rand }

func (r random) policy() policy {
	return policy{
		Listen: r.text(),
		Mode:   r.mode(),
		Trusted: list(r, func() netip.Prefix {
			return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(r.IntN(9))}), r.IntN(33))
		}),
		Limits: limits{Store: r.text(), Rules: list(r, func() rule {
			return rule{r.text(), list(r, r.text), uint(r.Uint64()), r.duration(), list(r, r.setMode), r.text()}
		})},
		Bodies: bodies{MaxBytes: int64(r.size()), Floor: uint32(r.size()), Unknown: r.mode(), Schema: r.object(3)},
		Headers: headers{
			HSTS:  setting{Off: r.IntN(2) == 0},
			Frame: setting{MaxAge: r.duration(), NoSubs: r.IntN(2) == 0, Sections: list(r, r.text)},
		},
		Cookies: cookies{r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(2) == 0, r.duration()},
		Uploads: uploads{r.mode(), list(r, func() upload {
			return upload{r.text(), int(r.size()), r.IntN(5) - 2, list(r, r.text)}
		})},
		TLS:     pick(r, nil, &tls{}, &tls{Cert: r.text(), Key: r.text()}),
		Schema:  r.any(3),
		Score:   pick(r, 0, 1, -1.5, 1e21, 1e-9, math.MaxFloat64),
		Small:   int8(r.Int()),
		Workers: pick(r, nil, new(uint16), new(uint16(r.Uint32()))),
		Common: Common{
			Labels: pick(r, nil, map[string]string{}, map[string]string{r.text(): r.text(), r.text(): r.text()}),
			Modes:  pick(r, nil, map[mode][]string{r.setMode(): {}, "off": {r.text()}}),
			Tree:   pick(r, nil, map[string]branches{r.text(): {}, r.text(): {map[string]branches{r.text(): {}}}}),
		},
	}
}

func pick[T any](r random, values ...T) T { return values[r.IntN(len(values))] }

func list[T any](r random, item func() T) []T {
	if r.IntN(4) == 0 {
		return nil
	}
	out := make([]T, r.IntN(4))
	for i := range out {
		out[i] = item()
	}
	return out
}

func (r random) text() string {
	parts := []string{"a", "é", "😀", " ", "  ", "\n", "\t", "\"", "'", "\\", ":", ": ", " #", "#", "-", "- ", "?", "? ", ",", "[", "]", "{", "}",
		"&", "*", "!", "|", ">", "%", "@", "`", "~", "<<", "=", "---", "...", "0", "1", ".", "_", "e5", "0x", "null", "true", "off", "/", "$", "\x00", "\u0085", "\u2028", "\u202e", "\ufeff", "\ufffd", "POST /api"}
	whole := []string{"", "null", "~", "true", "False", "off", "on", "y", "1", "-1", "1.5", "1e3", "0x1F", "010", "1_0", ".5", ".inf", "12:30", "2024-01-02", "127.0.0.1:8080", "2001:db8::/32",
		"POST /api/{id}", "text/html; charset=utf-8", "a b", " a", "a ", "http://a/", "'self'", "..", strings.Repeat("long ", 30)}
	if r.IntN(2) == 0 {
		return pick(r, whole...)
	}
	var b strings.Builder
	for range r.IntN(5) {
		b.WriteString(pick(r, parts...))
	}
	return b.String()
}

func (r random) mode() mode    { return pick[mode](r, "", "enforce", "report", "off") }
func (r random) setMode() mode { return pick[mode](r, "enforce", "report", "off") }

func (r random) size() uint64 {
	return pick[uint64](r, 0, 1, 512, 1<<10, 1536, 5<<20, 1<<30, 3<<30, math.MaxInt32)
}

func (r random) duration() time.Duration {
	return pick(r, 0, 1, time.Millisecond, 90*time.Second, 15*time.Minute, 36*time.Hour, math.MaxInt64, time.Duration(r.Uint32()))
}

func (r random) any(depth int) any {
	switch r.IntN(9) {
	case 0:
		return nil
	case 1:
		return r.IntN(2) == 0
	case 2:
		return int64(r.Uint64())
	case 3:
		return pick(r, 0, 1, -2.5, 1e300, 1e20, 123456789)
	case 4, 5:
		return r.text()
	case 6:
		out := []any{}
		for range r.IntN(4) * min(depth, 1) {
			out = append(out, r.any(depth-1))
		}
		return out
	}
	if m := r.object(depth); m != nil {
		return m
	}
	return nil
}

func (r random) object(depth int) map[string]any {
	if r.IntN(4) == 0 {
		return nil
	}
	out := map[string]any{}
	for range r.IntN(4) * min(depth, 1) {
		out[r.text()] = r.any(depth - 1)
	}
	return out
}

// named reads and writes its text, and is never a mapping although it has a
// field without a tag.
type named struct{ Name string }

func (n *named) UnmarshalText(text []byte) error { n.Name = string(text); return nil }
func (n named) MarshalText() ([]byte, error)     { return []byte(n.Name), nil }

// toggle has a text for its zero value too.
type toggle struct {
	Off bool `yaml:"off"`
}

func (s *toggle) UnmarshalText(text []byte) error { s.Off = string(text) == "off"; return nil }

func (s toggle) MarshalText() ([]byte, error) {
	if s.Off {
		return []byte("off"), nil
	}
	return []byte("on"), nil
}

func TestEncodeSpelling(t *testing.T) {
	type texts struct {
		Plain *named            `yaml:"plain"`
		List  []*named          `yaml:"list"`
		Map   map[string]*named `yaml:"map"`
		On    toggle            `yaml:"on"`
		Off   toggle            `yaml:"off"`
	}
	v := texts{
		Plain: &named{"15552000"},
		List:  []*named{{"off"}, {"null"}, {"~"}, {"a: b"}, {"a - b"}, {"a:"}, {"..."}, {""}, {"127.0.0.1:80"}, {"a,b"}},
		Map:   map[string]*named{"...": {"true"}, "---": {"1"}, "off": nil},
		Off:   toggle{true},
	}
	want := `plain: 15552000
list: [off, "null", "~", "a: b", "a - b", "a:", "...", "", 127.0.0.1:80, "a,b"]
map:
  "---": 1
  "...": true
  "off": null
"off": off
`
	out, err := Encode(v)
	if err != nil || string(out) != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, out, want)
	}
	var back texts
	if _, err := Decode("f", out, &back); err != nil || !reflect.DeepEqual(v, back) {
		t.Errorf("got %v, %+v", err, back)
	}
	// At the start of a line, these would start and end documents.
	out, err = Encode(map[string]int{"---": 1, "...": 2})
	if err != nil || string(out) != "\"---\": 1\n\"...\": 2\n" {
		t.Errorf("got %v\n%s", err, out)
	}
}

// TestQuote covers text that other readers of YAML, of 1.1 above all, take for
// something else.
func TestQuote(t *testing.T) {
	for _, text := range []string{"", "null", "~", "Yes", "n", "OFF", "0o7", "010", "1_000", "1e3", "+1", ".5", ".nan", "190:20:30", "12:30", "2024-01-02", "a: b", "a #b", "a:", "-", "- a", "[a]", "*", "=", "é", "a  b"} {
		if got := quote(text); got != `"`+text+`"` {
			t.Errorf("%s: got %s", text, got)
		}
	}
	for _, text := range []string{"a", "POST /api/login", "text/html", "127.0.0.1:8080", "2001:db8::/32", "./schemas/user.json", "$ne", "a-b", "1.2.3", "5MB", "a (b)."} {
		if got := quote(text); got != text {
			t.Errorf("%s: got %s", text, got)
		}
	}
}

func TestEncodeErrors(t *testing.T) {
	deep := any("x")
	for range maxDepth {
		deep = []any{deep}
	}
	many := map[string]string{}
	for i := range maxKeys + 1 {
		many[strconv.Itoa(i)] = ""
	}
	tests := []struct {
		name, want string
		value      any
	}{
		{"negative-duration", "conf: cookies.max_age: the duration is negative", policy{Cookies: cookies{MaxAge: -1}}},
		{"negative-size", "conf: bodies.max_bytes: the size is negative", policy{Bodies: bodies{MaxBytes: -1}}},
		{"infinity", "conf: score: the number is not finite", policy{Score: math.Inf(1)}},
		{"not-utf8", "conf: listen: the text is not UTF-8", policy{Listen: "\xff"}},
		{"not-json", "conf: schema[0]: a uint8 is no JSON value", policy{Schema: []any{uint8(1)}}},
		{"deep", "conf: schema[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: more than 32 levels deep", policy{Schema: deep}},
		{"many-keys", "conf: labels: more than 2000 keys in a mapping", policy{Common: Common{Labels: many}}},
		{"long-key", "conf: labels: a key is longer than 200 bytes, or not UTF-8", policy{Common: Common{Labels: map[string]string{strings.Repeat("k", maxKey+1): ""}}}},
		{"large", "conf: the file would be larger than 2097152 bytes", policy{Listen: strings.Repeat("x", maxBytes)}},
		{"marshaler", "conf: x[0]: refused", struct {
			X []failing `yaml:"x"`
		}{make([]failing, 1)}},
		{"scalar", "conf: cannot encode int as a file", 5},
		{"nil", "conf: cannot encode <nil> as a file", nil},
		{"nil-pointer", "conf: cannot encode *conf.policy as a file", (*policy)(nil)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Encode(test.value)
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

type failing struct{}

func (failing) MarshalText() ([]byte, error) { return nil, errors.New("refused") }
func (*failing) UnmarshalText([]byte) error  { return nil }

func FuzzDecode(f *testing.F) {
	for _, name := range []string{"testdata/good.yaml", "testdata/bad.yaml"} {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	for _, src := range refusedFiles {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		var p policy
		roundTrip(t, src, &p, new(policy))
		var m map[string]any
		roundTrip(t, src, &m, new(map[string]any))
	})
}

// roundTrip checks that what is read into p can be written and read again.
func roundTrip(t *testing.T, src []byte, p, back any) {
	positions, err := Decode("f", src, p)
	if err != nil {
		if problems, ok := err.(Problems); !ok || len(problems) == 0 || err.Error() == "" {
			t.Fatalf("not problems: %v", err)
		}
		return
	}
	if line, column := positions.Locate("rate_limits.rules[0].window"); line < 1 || column < 1 {
		t.Fatalf("located at %d:%d", line, column)
	}
	out, err := Encode(p)
	if err != nil {
		t.Fatalf("%v in %+v", err, p)
	}
	if _, err := Decode("f", out, back); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if m, ok := p.(*map[string]any); ok && *m == nil {
		*m = map[string]any{}
	}
	if !reflect.DeepEqual(p, back) {
		t.Fatalf("got  %+v\nwant %+v\nfrom\n%s", back, p, out)
	}
}

func BenchmarkDecode(b *testing.B) {
	src, err := os.ReadFile("testdata/good.yaml")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		if _, err := Decode("policy.yaml", src, new(policy)); err != nil {
			b.Fatal(err)
		}
	}
}
