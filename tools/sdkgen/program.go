package main

import (
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/pkg/v3/codegen/hcl2/syntax"
	"github.com/pulumi/pulumi/pkg/v3/codegen/pcl"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// generateProgram writes the Python that Pulumi's own generator makes of a program in Pulumi's language for conversions.
// Both are a JSON object of texts by their file names; schemas come from the loader, an address of the engine's.
func generateProgram(loader string, source io.Reader, generated io.Writer) error {
	var files map[string]string
	if err := json.NewDecoder(source).Decode(&files); err != nil {
		return err
	}
	parser := syntax.NewParser()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := parser.ParseFile(strings.NewReader(files[name]), name); err != nil {
			return err
		}
	}
	if parser.Diagnostics.HasErrors() {
		return parser.Diagnostics
	}
	client, err := schema.NewLoaderClient(loader)
	if err != nil {
		return err
	}
	options := append(pcl.NonStrictBindOptions(), pcl.PreferOutputVersionedInvokes)
	program, diagnostics, err := pcl.BindProgram(parser.Files, schema.NewCachedLoader(client), options...)
	if err == nil && diagnostics.HasErrors() {
		err = diagnostics
	}
	if err != nil {
		return err
	}
	texts, diagnostics, err := python.GenerateProgram(program)
	if err == nil && diagnostics.HasErrors() {
		err = diagnostics
	}
	if err != nil {
		return err
	}
	answer := map[string]string{}
	for name, text := range texts {
		answer[name] = string(text)
	}
	return json.NewEncoder(generated).Encode(answer)
}
