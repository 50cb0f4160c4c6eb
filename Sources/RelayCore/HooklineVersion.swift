/// The version that the command line, `User-Agent` and the package name.
package enum HooklineVersion {
    package static let text = "0.1.0"
}
