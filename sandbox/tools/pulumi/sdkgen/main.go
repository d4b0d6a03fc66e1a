// Command sdkgen writes the Python SDK of a Pulumi package, by Pulumi's own code generator.
//
// Usage: pulumi-python-sdkgen SCHEMA_FILE OUTPUT_FOLDER [LOADER_ADDRESS]
//
// The language host runs it for `pulumi package add`. LOADER_ADDRESS is the engine's schema loader, which knows the
// packages that the schema refers to; without it such references are left dangling.
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
	if len(os.Args) < 3 || len(os.Args) > 4 {
		fmt.Fprintln(os.Stderr, "usage: pulumi-python-sdkgen SCHEMA_FILE OUTPUT_FOLDER [LOADER_ADDRESS]")
		os.Exit(2)
	}
	loaderAddress := ""
	if len(os.Args) == 4 {
		loaderAddress = os.Args[3]
	}
	if err := generate(os.Args[1], os.Args[2], loaderAddress); err != nil {
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

	loader, closeLoader, err := newLoader(loaderAddress)
	if err != nil {
		return err
	}
	defer closeLoader()

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

// newLoader never returns a nil loader: the generator would panic on one.
func newLoader(address string) (schema.ReferenceLoader, func(), error) {
	if address == "" {
		return schema.NewNullLoader(), func() {}, nil
	}
	client, err := schema.NewLoaderClient(address)
	if err != nil {
		return nil, nil, err
	}
	return schema.NewCachedLoader(client), func() { _ = client.Close() }, nil
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
