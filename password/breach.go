// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package password

import (
	"bufio"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/internal/weak"
	"github.com/panoply-security/panoply/problem"
)

// ErrBreached is what a new password is refused with that is known from breaches, so that
// it would be among the first to be tried.
var ErrBreached error = problem.Public(http.StatusBadRequest, "This password is known from data breaches. Choose another one.", nil)

// ErrUnknown is the answer while nobody can say whether a password is known, where that
// is refused ([BreachConfig.OnFailure]).
var ErrUnknown error = &problem.Error{Status: http.StatusServiceUnavailable, Detail: "Passwords cannot be checked now. Try again in a moment.", Retry: 5 * time.Second}

// BreachConfig says who is asked, besides the list that is part of the program.
type BreachConfig struct {
	// RangeURL is a k-anonymity range API, such as https://api.pwnedpasswords.com/range/. It
	// is told the first five of the forty hexadecimal digits of a password's SHA-1, which
	// about 2000 known passwords share, and answers with the others. https, or http on
	// loopback.
	RangeURL string `yaml:"range_url"`
	// OnFailure says what becomes of a password while it does not answer: allow or deny.
	// There is no default.
	OnFailure string `yaml:"on_failure"`
	// Least is how often a password must have been seen. 0 is 1.
	Least int `yaml:"least"`
	// Timeout is how long the answer may take. 0 is 2 s; at most 30 s.
	Timeout time.Duration `yaml:"timeout"`
	// Logger gets what goes wrong, never a password or a part of its hash; nil is
	// slog.Default().
	Logger *slog.Logger `yaml:"-"`
}

// Breaches asks a range API. It is safe for concurrent use. At most 32 questions are under
// way at a time, more are failures; of an answer at most 1 MiB is read, and no redirect is
// followed.
type Breaches struct {
	url    string
	allow  bool
	least  int
	log    *slog.Logger
	client *http.Client
	asking chan struct{}
}

const (
	maxAsking = 32
	maxRange  = 1 << 20
)

// NewBreaches checks the configuration. It asks nobody.
func NewBreaches(cfg BreachConfig) (*Breaches, error) {
	var faults fault.List
	b := &Breaches{url: strings.TrimSuffix(cfg.RangeURL, "/") + "/", allow: cfg.OnFailure == "allow", least: max(1, cfg.Least), log: cfg.Logger, asking: make(chan struct{}, maxAsking)}
	u, err := url.Parse(cfg.RangeURL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		faults.Add("range_url", "it is no plain URL", "https://api.pwnedpasswords.com/range/")
	case u.Scheme != "https" && !(u.Scheme == "http" && onLoopback(u.Hostname())):
		faults.Add("range_url", "it is not https, so that anybody on the way could answer", "https://api.pwnedpasswords.com/range/")
	}
	if cfg.OnFailure != "allow" && cfg.OnFailure != "deny" {
		faults.Addf("on_failure", "allow, so that people can sign up while it is away, or deny", "%.20q is neither", cfg.OnFailure)
	}
	if cfg.Least < 0 {
		faults.Addf("least", "leave it out for 1", "%d is negative", cfg.Least)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 2 * time.Second
	}
	if cfg.Timeout < time.Millisecond || cfg.Timeout > 30*time.Second {
		faults.Addf("timeout", "leave it out for 2s", "%v is not within 1ms and 30s", cfg.Timeout)
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	if b.log == nil {
		b.log = slog.Default()
	}
	b.client = &http.Client{
		Timeout:       cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConns: 4, IdleConnTimeout: time.Minute, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}},
	}
	return b, nil
}

func onLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

// Check returns [ErrBreached] for a password that the API knows, [ErrUnknown] while it does
// not answer and OnFailure is deny, the context's error when that ended first, and nil for
// any other.
func (b *Breaches) Check(ctx context.Context, password string) error {
	known, err := b.ask(ctx, password)
	switch {
	case known:
		return ErrBreached
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	b.log.WarnContext(ctx, "the range API of breached passwords does not answer", "on_failure", map[bool]string{true: "allow", false: "deny"}[b.allow],
		"id", problem.ID(ctx), "cause", err.Error())
	if b.allow {
		return nil
	}
	return ErrUnknown
}

var errAsking = errors.New("too many questions are under way")

func (b *Breaches) ask(ctx context.Context, password string) (known bool, err error) {
	select {
	case b.asking <- struct{}{}:
		defer func() { <-b.asking }()
	default:
		return false, errAsking
	}
	sum := sha1.Sum([]byte(password)) // the API's choice; it protects nothing here
	digits := strings.ToUpper(hex.EncodeToString(sum[:]))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+digits[:5], nil)
	if err != nil {
		return false, err
	}
	req.Header.Set("Add-Padding", "true") // the length of the answer tells nothing then
	req.Header.Set("User-Agent", "panoply")
	res, err := b.client.Do(req)
	if err != nil {
		var where *url.Error
		if errors.As(err, &where) {
			err = where.Err // its text has the digits
		}
		return false, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return false, fmt.Errorf("status %d", res.StatusCode)
	}
	body := &io.LimitedReader{R: res.Body, N: maxRange + 1}
	lines, whole := bufio.NewScanner(body), 0
	for lines.Scan() {
		rest, count, ok := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		if !ok && rest == "" {
			continue
		}
		n := 0
		if _, err := fmt.Sscanf(count, "%d", &n); err != nil || len(rest) != len(digits)-5 {
			return false, errors.New("the answer is no list of hashes and counts")
		}
		whole++
		if strings.EqualFold(rest, digits[5:]) && n >= b.least {
			return true, nil
		}
	}
	switch err := lines.Err(); {
	case err != nil:
		return false, errors.New("the answer broke off")
	case body.N <= 0:
		return false, fmt.Errorf("the answer has more than %d bytes", maxRange)
	case whole == 0:
		return false, errors.New("the answer is empty") // there is no such prefix
	}
	return false, nil
}

// breached looks in the list that is part of the program, and asks the API if there is one.
func (h *Hasher) breached(ctx context.Context, password string) error {
	if h.unchecked {
		return nil
	}
	if weak.Common(password) {
		return ErrBreached
	}
	if h.breaches != nil {
		return h.breaches.Check(ctx, password)
	}
	return nil
}
