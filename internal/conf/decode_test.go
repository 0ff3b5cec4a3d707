// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package conf

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply/internal/fault"
)

// TestDecodeKeepsDefaults checks that a file changes only what it names.
func TestDecodeKeepsDefaults(t *testing.T) {
	p := policy{
		Listen:  "default",
		Limits:  limits{Store: "memory", Rules: []rule{{Name: "login"}, {Name: "signup"}}},
		Cookies: cookies{Insecure: true, Script: true, MaxAge: time.Hour},
		TLS:     &tls{Cert: "cert", Key: "key"},
		Common:  Common{Labels: map[string]string{"a": "b"}},
	}
	src := "rate_limits: {rules: [{limit: 1}]}\ncookies: {secure: true}\ntls: {key: other}\nlabels: {c: d}\nheaders:\n"
	if _, err := Decode("f", []byte(src), &p); err != nil {
		t.Fatal(err)
	}
	want := policy{
		Listen:  "default",
		Limits:  limits{Store: "memory", Rules: []rule{{Limit: 1}}},
		Cookies: cookies{Script: true, MaxAge: time.Hour},
		TLS:     &tls{Cert: "cert", Key: "other"},
		Common:  Common{Labels: map[string]string{"c": "d"}},
	}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v, want %+v", p, want)
	}
	if _, err := Decode("f", []byte("tls: null\n"), &p); err != nil || p.TLS != nil {
		t.Errorf("null leaves %v, %v", p.TLS, err)
	}
}

func TestEmptyListIsNotNil(t *testing.T) {
	var p policy
	if _, err := Decode("f", []byte("trusted_proxies: []\n"), &p); err != nil || p.Trusted == nil {
		t.Errorf("got %v, %v", p.Trusted, err)
	}
}

// spelling records what UnmarshalText is given.
type spelling struct{ text string }

func (s *spelling) UnmarshalText(text []byte) error {
	s.text = string(text)
	if strings.HasPrefix(s.text, "bad") {
		var list fault.List
		list.Add("", "is bad", "write good")
		list.Add("part", "is worse", "")
		return list
	}
	return nil
}

func TestTextTypesGetTheSpelling(t *testing.T) {
	for _, text := range []string{"off", "on", "no", "null", "~", "true", "False", "15552000", "0x10", "010", "1_000", "1e3", ".inf", "-1.50", `"off"`, `''`, `"\u00e9"`} {
		var got struct {
			Value spelling `yaml:"value"`
		}
		if _, err := Decode("f", []byte("value: "+text+"\n"), &got); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		want := map[string]string{`"off"`: "off", `''`: "", `"\u00e9"`: "é"}[text]
		if want == "" && text != `''` {
			want = text
		}
		if got.Value.text != want {
			t.Errorf("%s: got %q", text, got.Value.text)
		}
	}
	_, err := Decode("f", []byte("value: bad\n"), new(struct {
		Value spelling `yaml:"value"`
	}))
	want := "f:1:8: value: is bad (hint: write good)\nf:1:8: value: part: is worse"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// level is an enumeration that reads its text itself.
type level int

func (level) Values() []string { return []string{"low", "high"} }

func (l *level) UnmarshalText(text []byte) error {
	if string(text) == "high" {
		*l = 1
	}
	return nil
}

func TestValuesLimitTextTypes(t *testing.T) {
	var got struct {
		Levels []level `yaml:"levels"`
	}
	if _, err := Decode("f", []byte("levels: [low, high]\n"), &got); err != nil || !reflect.DeepEqual(got.Levels, []level{0, 1}) {
		t.Errorf("got %v, %v", got, err)
	}
	_, err := Decode("f", []byte("levels: hihg\n"), &got)
	want := `f:1:9: levels: "hihg" is not one of low, high (hint: did you mean "high"?)`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestSizesAndDurations(t *testing.T) {
	type both struct {
		Size     uint64        `yaml:"size,size"`
		Duration time.Duration `yaml:"duration"`
	}
	tests := []struct {
		size, duration, back string
		want                 both
	}{
		{"0", "0", "{}\n", both{0, 0}},
		{"512", "90s", "size: 512\nduration: 1m30s\n", both{512, 90 * time.Second}},
		{"1B", "15m", "size: 1\nduration: 15m\n", both{1, 15 * time.Minute}},
		{"100KB", "1h", "size: 100KB\nduration: 1h\n", both{100 << 10, time.Hour}},
		{"100KiB", "1d", "size: 100KB\nduration: 1d\n", both{100 << 10, 24 * time.Hour}},
		{"5mb", "1d12h", "size: 5MB\nduration: 1d12h\n", both{5 << 20, 36 * time.Hour}},
		{"1536kb", "1500ms", "size: 1536KB\nduration: 1s500ms\n", both{1536 << 10, 1500 * time.Millisecond}},
		{"1GiB", "7us", "size: 1GB\nduration: 7us\n", both{1 << 30, 7 * time.Microsecond}},
		{"1025", "1ns", "size: 1025\nduration: 1ns\n", both{1025, 1}},
		{"'5MB'", "'15m'", "size: 5MB\nduration: 15m\n", both{5 << 20, 15 * time.Minute}},
	}
	for _, test := range tests {
		t.Run(test.size+"-"+test.duration, func(t *testing.T) {
			var got both
			if _, err := Decode("f", []byte("size: "+test.size+"\nduration: "+test.duration+"\n"), &got); err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if back, err := Encode(got); err != nil || string(back) != test.back {
				t.Errorf("got %q, %v, want %q", back, err, test.back)
			}
		})
	}
}

// TestTypesAreChecked covers the programmer's mistakes.
func TestTypesAreChecked(t *testing.T) {
	tests := []struct {
		name string
		into any
		want string
	}{
		{"nil", nil, "conf: cannot decode into <nil>"},
		{"no-pointer", policy{}, "conf: cannot decode into conf.policy"},
		{"nil-pointer", (*policy)(nil), "conf: cannot decode into *conf.policy"},
		{"scalar", new(int), "conf: cannot decode a file into int"},
		{"no-tag", new(struct{ A int }), "conf: struct { A int }.A: the yaml tag is missing; \"-\" leaves the field out"},
		{"no-name", new(struct {
			A int `yaml:",size"`
		}), "A: the yaml tag is missing"},
		{"taken-name", new(struct {
			A int `yaml:"a"`
			B int `yaml:"a"`
		}), "B: the name a is taken"},
		{"taken-by-inline", new(struct {
			A      int `yaml:"labels"`
			Common `yaml:",inline"`
		}), "Common: the name labels is taken"},
		{"unknown-option", new(struct {
			A int `yaml:"a,omitempty"`
		}), `A: the yaml option "omitempty" does not fit here`},
		{"size-of-text", new(struct {
			A string `yaml:"a,size"`
		}), `A: the yaml option "size" does not fit here`},
		{"not-of-text", new(struct {
			A string `yaml:"a,not"`
		}), `A: the yaml option "not" does not fit here`},
		{"two-lists", new(struct {
			A []int `yaml:"a,list"`
			B []int `yaml:"b,list"`
		}), `B: the yaml option "list" does not fit here`},
		{"inline-pointer", new(struct {
			A *tls `yaml:",inline"`
		}), "A: only a plain struct can be inline"},
		{"function", new(struct {
			A func() `yaml:"a"`
		}), "A: conf: func() is no type for a policy file"},
		{"int-keys", new(struct {
			A map[int]string `yaml:"a"`
		}), "A: conf: map[int]string: the keys of a map must be strings"},
		{"below-a-list", new(struct {
			A []map[string]*struct{ B int } `yaml:"a"`
		}), "B: the yaml tag is missing"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Decode("f", nil, test.into)
			var problems Problems
			if err == nil || errors.As(err, &problems) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestNearest(t *testing.T) {
	known := []string{"content_security_policy", "rate_limits", "rules", "window", "ip", "max_bytes"}
	tests := []struct{ word, want string }{
		{"contentSecurityPolicy", "content_security_policy"},
		{"Content-Security-Policy", "content_security_policy"},
		{"rate_limit", "rate_limits"},
		{"ruels", "rules"},
		{"rule", "rules"},
		{"widnow", "window"},
		{"pi", "ip"},
		{"MAXBYTES", "max_bytes"},
		{"listen", ""},
		{"", ""},
		{"x", ""},
	}
	for _, test := range tests {
		got := nearest(test.word, known)
		if test.want != "" {
			test.want = `did you mean "` + test.want + `"?`
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.word, got, test.want)
		}
	}
}

func TestEdits(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"ab", "ab", 0}, {"ab", "ba", 1}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"abcd", "bxcd", 2},
	}
	for _, test := range tests {
		if got := edits(test.a, test.b); got != test.want {
			t.Errorf("%q, %q: got %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

// TestLongValuesAreCut checks that a message repeats no more than the start of
// a value, and nothing where text belongs: it may be a secret.
func TestLongValuesAreCut(t *testing.T) {
	_, err := Decode("f", []byte("mode: "+strings.Repeat("é", 100)+"\nlisten: 123456789\n"), new(policy))
	if err == nil || !strings.Contains(err.Error(), `"`+strings.Repeat("é", 40)+`…"`) || strings.Contains(err.Error(), "123456789") {
		t.Errorf("got %v", err)
	}
}
