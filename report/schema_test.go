// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/panoply-security/panoply/finding"
)

// TestSARIFSchema holds every log of the golden tests, and hostile ones, against
// the schema that OASIS published with the standard's first errata
// (docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas).
func TestSARIFSchema(t *testing.T) {
	src, err := os.ReadFile("testdata/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(src))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("sarif.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	reports := map[string]*finding.Report{"scan": aScan(), "judged": judgedScan(t), "audit": anAudit()}
	for _, text := range hostile {
		reports["with "+text] = everywhere(text)
	}
	for name, r := range reports {
		log, err := jsonschema.UnmarshalJSON(strings.NewReader(render(t, SARIF, r, Options{})))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(log); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	wrong, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"version":"2.1.0","runs":[{"tool":{"driver":{}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if schema.Validate(wrong) == nil {
		t.Error("the schema takes a tool without a name: it checks nothing")
	}
}
