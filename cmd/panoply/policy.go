// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/guard"
)

type policyCmd struct {
	Check  policyCheck  `cmd:"" help:"Tell everything that is wrong with a policy file."`
	Show   policyShow   `cmd:"" help:"Print the effective policy, defaults spelled out."`
	Schema policySchema `cmd:"" help:"Print the policy file's JSON Schema, for editors."`
}

type policyCheck struct {
	File string `arg:"" help:"Policy file."`
}

func (c *policyCheck) Run(std streams) error {
	_, suit, err := guard.Check(c.File)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s: ok\n", c.File)
	for _, l := range suit.Describe() {
		fmt.Fprintf(std.out, "  %d %-12s %-8s %s\n", l.Mistake, l.Name, l.Mode, l.What)
	}
	for _, w := range suit.Warnings() {
		fmt.Fprintf(std.out, "  weakened by %s\n", w)
	}
	return nil
}

type policyShow struct {
	Config  string `help:"Policy file; without one the default policy." placeholder:"FILE"`
	Profile string `help:"strict or compatible." placeholder:"NAME"`
}

func (c *policyShow) Run(std streams) (err error) {
	var p panoply.Policy
	if c.Config != "" {
		if p, _, err = guard.Check(c.Config); err != nil {
			return err
		}
	}
	if err := choose(&p.Profile, "--profile", c.Profile, p.Profile.Values()); err != nil {
		return err
	}
	text, err := p.Effective().YAML()
	if err != nil {
		return err
	}
	if _, err = std.out.Write(text); err != nil || p.CSP.Mode != panoply.Learn {
		return err
	}
	return c.proposed(std, p.File(p.CSP.Effective().File))
}

// proposed prints what csp: learn has proposed so far, as a document of its own.
func (c *policyShow) proposed(std streams, file string) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		_, err = fmt.Fprintf(std.out, "# csp: nothing is proposed yet in %s\n", file)
		return err
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "---\n# %s\n%s", file, text)
	return err
}

type policySchema struct{}

func (policySchema) Run(std streams) error {
	text, err := panoply.Schema()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%s\n", text)
	return err
}

// choose sets a word from the command line, if one is given.
func choose[T ~string](into *T, flag, value string, words []string) error {
	if value == "" {
		return nil
	}
	if !slices.Contains(words, value) {
		return fmt.Errorf("%s: %q is not known (hint: %s)", flag, value, strings.Join(words, ", "))
	}
	*into = T(value)
	return nil
}
