// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package remedy

import (
	"fmt"
	"strings"

	"github.com/panoply-security/panoply/audit/checks"
	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/rule"
)

// bodies writes schemas of the bodies that are stored whole: what the app itself
// declares of them, with zod, joi or express-validator, or else the fields that
// the model declares, but for those that no client should set.
func (w *writer) bodies(needs []checks.Need) {
	w.section("bodies:\n  routes:", needs, rule.ValidateAssignment, func(n checks.Need) *ruled {
		if r := declared(n); r != nil {
			return r
		}
		if n.Model == nil {
			return nil
		}
		var fields, kept []string
		if n.Model.Schema == nil || n.Model.Schema.Def == nil {
			// What the app itself stores there, of the type that it has there.
			for _, f := range n.Model.Fields {
				t := "[string, number, boolean, 'null']"
				if f.Type != "" {
					t = f.Type
				}
				if privileged(f.Name) {
					kept = append(kept, f.Name)
				} else if plain(f.Name) {
					fields = append(fields, fmt.Sprintf("%s: {type: %s, maxLength: 10000}", word(f.Name), t))
				}
			}
			return schema(fields, kept)
		}
		for _, k := range n.Model.Schema.Def.Keys() {
			if !plain(k) {
				continue
			}
			if privileged(k) {
				kept = append(kept, k)
				continue
			}
			v, _ := n.Model.Schema.Def.Get(k)
			if t := jsonType(v); t != "" {
				fields = append(fields, fmt.Sprintf("%s: %s", word(k), t))
			}
		}
		return schema(fields, kept)
	})
}

func schema(fields, kept []string) *ruled {
	if len(fields) == 0 {
		return nil
	}
	r := &ruled{body: fmt.Sprintf("unknown: strip, schema: {type: object, properties: {%s}}", strings.Join(fields, ", "))}
	if len(kept) > 0 {
		r.notes = []string{"    # not for clients to set: " + comment(strings.Join(kept, ", "))}
	}
	return r
}

// privileged are fields that say what a user may do.
func privileged(name string) bool {
	name = strings.ToLower(name)
	for _, w := range []string{"role", "admin", "permission", "verified", "balance", "credit", "hash", "salt", "token", "createdat", "updatedat", "deleted", "banned", "owner", "scope", "privilege"} {
		if strings.Contains(name, w) {
			return true
		}
	}
	return false
}

// jsonType is a mongoose or sequelize type as JSON Schema.
func jsonType(v model.Value) string { return jsonTypeAt(v, 0) }

func jsonTypeAt(v model.Value, depth int) string {
	name := ""
	switch x := v.(type) {
	case *model.Lib:
		name = x.Path
	case *model.Obj:
		if x.Array {
			return "{type: array, maxItems: 1000}"
		}
		t, ok := x.Get("type")
		if !ok || depth > 2 {
			return "{type: object}"
		}
		return jsonTypeAt(t, depth+1)
	case *model.Call:
		name = x.Lib.Path
	case model.Str:
		name = x.S
	}
	switch name = strings.ToLower(name[strings.LastIndexByte(name, '.')+1:]); name {
	case "string", "text", "date", "objectid", "uuid", "dateonly":
		return "{type: string, maxLength: 10000}"
	case "number", "int32", "integer", "float", "double", "decimal", "bigint":
		return "{type: number}"
	case "boolean":
		return "{type: boolean}"
	}
	return ""
}
