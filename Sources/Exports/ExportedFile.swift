// What an export consists of.

/// A file by its name within the folder that is written to.
package struct ExportedFile: Sendable, Equatable {
    package let name: String
    /// Ends with a newline.
    package let text: String

    package init(name: String, text: String) {
        self.name = name
        self.text = text
    }
}
