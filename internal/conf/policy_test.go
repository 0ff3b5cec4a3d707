// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package conf

import (
	"errors"
	"net/netip"
	"strconv"
	"time"
)

// policy is a small policy file with every type and option in it.
type policy struct {
	Listen  string         `yaml:"listen" doc:"address to listen on"`
	Mode    mode           `yaml:"mode"`
	Trusted []netip.Prefix `yaml:"trusted_proxies"`
	Limits  limits         `yaml:"rate_limits"`
	Bodies  bodies         `yaml:"bodies"`
	Headers headers        `yaml:"headers"`
	Cookies cookies        `yaml:"cookies"`
	Uploads uploads        `yaml:"uploads"`
	TLS     *tls           `yaml:"tls"`
	Schema  any            `yaml:"schema"`
	Score   float64        `yaml:"score"`
	Small   int8           `yaml:"small"`
	Workers *uint16        `yaml:"workers"`

	Common `yaml:",inline"`

	Logger func() `yaml:"-"`
	_      chan int
}

type Common struct {
	Labels map[string]string   `yaml:"labels"`
	Modes  map[mode][]string   `yaml:"modes"`
	Tree   map[string]branches `yaml:"tree"`
}

type branches struct {
	Below map[string]branches `yaml:"below"`
}

type mode string

func (mode) Values() []string { return []string{"enforce", "report", "off"} }

type limits struct {
	Store string `yaml:"store"`
	Rules []rule `yaml:"rules"`
}

type rule struct {
	Name    string        `yaml:"name"`
	Match   []string      `yaml:"match"`
	Limit   uint          `yaml:"limit"`
	Window  time.Duration `yaml:"window"`
	Key     []mode        `yaml:"key"`
	Message string        `yaml:"message"`
}

type bodies struct {
	MaxBytes int64          `yaml:"max_bytes,size"`
	Floor    uint32         `yaml:"min_bytes,size"`
	Unknown  mode           `yaml:"unknown"`
	Schema   map[string]any `yaml:"json_schema"`
}

type headers struct {
	HSTS  setting `yaml:"strict_transport_security"`
	Frame setting `yaml:"x_frame_options"`
}

// setting is off, a number of seconds, or a mapping.
type setting struct {
	Off      bool          `yaml:"-"`
	MaxAge   time.Duration `yaml:"max_age"`
	NoSubs   bool          `yaml:"include_subdomains,not"`
	Sections []string      `yaml:"sections,list"`
}

func (s *setting) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		*s = setting{Off: true}
		return nil
	}
	seconds, err := strconv.ParseUint(string(text), 10, 31)
	if err != nil || seconds == 0 {
		return errors.New("neither off nor a number of seconds")
	}
	*s = setting{MaxAge: time.Duration(seconds) * time.Second}
	return nil
}

func (s setting) MarshalText() ([]byte, error) {
	switch {
	case s.Off:
		return []byte("off"), nil
	case s.MaxAge%time.Second == 0 && s.MaxAge > 0 && !s.NoSubs && s.Sections == nil:
		return strconv.AppendInt(nil, int64(s.MaxAge/time.Second), 10), nil
	}
	return nil, nil
}

type cookies struct {
	Insecure bool          `yaml:"secure,not"`
	Script   bool          `yaml:"http_only,not"`
	Lax      bool          `yaml:"lax"`
	MaxAge   time.Duration `yaml:"max_age"`
}

type uploads struct {
	Mode  mode     `yaml:"mode"`
	Rules []upload `yaml:"rules,list"`
}

type upload struct {
	Match        string   `yaml:"match"`
	MaxFileBytes int      `yaml:"max_file_bytes,size"`
	MaxFiles     int      `yaml:"max_files"`
	Types        []string `yaml:"types"`
}

type tls struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}
