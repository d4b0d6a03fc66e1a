// Command sdkgen writes the Python SDK of a Pulumi package, by Pulumi's own code generator.
//
// Usage: pulumi-python-sdkgen SCHEMA_FILE OUTPUT_FOLDER LOADER_ADDRESS
//
// The language host runs it for `pulumi package add`. LOADER_ADDRESS is the engine's schema loader, which knows the
// packages that the schema refers to.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: pulumi-python-sdkgen SCHEMA_FILE OUTPUT_FOLDER LOADER_ADDRESS")
		os.Exit(2)
	}
	if err := generate(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func generate(schemaFile, outputFolder, loaderAddress string) error {
	raw, err := os.ReadFile(schemaFile)
	if err != nil {
		return err
	}
	var spec schema.PackageSpec
	if err := json.Unmarshal(raw, &spec); err != nil {
		return fmt.Errorf("%s is not a package schema: %w", schemaFile, err)
	}

	client, err := schema.NewLoaderClient(loaderAddress)
	if err != nil {
		return err
	}
	defer client.Close()
	loader := schema.NewCachedLoader(client)

	pkg, diagnostics, err := schema.BindSpec(spec, loader, schema.ValidationOptions{AllowDanglingReferences: true})
	if err != nil {
		return err
	}
	if diagnostics.HasErrors() {
		return diagnostics
	}
	files, err := python.GeneratePackage("pulumi-language-python", pkg, nil, loader)
	if err != nil {
		return err
	}
	return write(outputFolder, files)
}

func write(folder string, files map[string][]byte) error {
	for name, data := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
