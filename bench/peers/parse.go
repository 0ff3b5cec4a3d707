// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
)

// below makes a tool's path one below the directory of apps.
func below(path string) string {
	path = filepath.ToSlash(path)
	if i := strings.LastIndex(path, apps+"/"); i >= 0 {
		return path[i+len(apps)+1:]
	}
	return path
}

func parsePanoply(app string, report []byte) ([]found, error) {
	var r struct {
		Findings []struct {
			Rule     string
			Location struct {
				File string
				Line int
			}
		}
	}
	if err := json.Unmarshal(report, &r); err != nil {
		return nil, err
	}
	var out []found
	for _, f := range r.Findings {
		out = append(out, found{f.Rule, app + "/" + f.Location.File, f.Location.Line, f.Location.Line})
	}
	return out, nil
}

// parseESLint also returns how many files it could not parse.
func parseESLint(report []byte) (out []found, broken int, err error) {
	var files []struct {
		FilePath string
		Messages []struct {
			RuleID        *string
			Fatal         bool
			Line, EndLine int
		}
	}
	if err := json.Unmarshal(report, &files); err != nil {
		return nil, 0, err
	}
	for _, f := range files {
		for _, m := range f.Messages {
			if m.Fatal {
				broken++
			}
			if m.RuleID != nil {
				out = append(out, found{*m.RuleID, below(f.FilePath), m.Line, max(m.Line, m.EndLine)})
			}
		}
	}
	return out, broken, nil
}

func parseNJSScan(report []byte) ([]found, error) {
	var r struct {
		Errors []any
		NodeJS map[string]struct {
			Files []struct {
				Path  string `json:"file_path"`
				Lines [2]int `json:"match_lines"`
			}
		}
	}
	if err := json.Unmarshal(report, &r); err != nil {
		return nil, err
	}
	if len(r.Errors) > 0 {
		return nil, fmt.Errorf("%v", r.Errors[0])
	}
	var out []found
	for id, v := range r.NodeJS {
		for _, f := range v.Files {
			out = append(out, found{id, below(f.Path), f.Lines[0], f.Lines[1]})
		}
	}
	return out, nil
}

// parseSemgrep keeps the last part of a rule's id.
func parseSemgrep(report []byte) ([]found, error) {
	var r struct {
		Results []struct {
			ID         string `json:"check_id"`
			Path       string
			Start, End struct{ Line int }
		}
	}
	if err := json.Unmarshal(report, &r); err != nil {
		return nil, err
	}
	var out []found
	for _, f := range r.Results {
		out = append(out, found{f.ID[strings.LastIndexByte(f.ID, '.')+1:], below(f.Path), f.Start.Line, f.End.Line})
	}
	return out, nil
}

// missing turns the controls that were seen in files into those that each app
// lacks, as njsscan does for the one directory that it is given.
func missing(appNames []string, present []found) []found {
	seen := map[found]bool{}
	for _, f := range present {
		app, _, _ := strings.Cut(f.path, "/")
		seen[found{rule: f.rule, path: app}] = true
	}
	var out []found
	for _, app := range appNames {
		for id := range controlClaims {
			if f := (found{rule: id, path: app}); !seen[f] {
				out = append(out, f)
			}
		}
	}
	return out
}
