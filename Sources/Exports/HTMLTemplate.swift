// Mustache templates of this target: literals of ours, whose variables are escaped scalar by scalar.
import Mustache

/// `{{name}}` is escaped for HTML, `{{{name}}}` is HTML already.
package struct HTMLTemplate: Sendable {
    private let template: MustacheTemplate

    /// - Parameter text: a literal of this target. One that does not parse is a bug, found by the first test that runs
    /// it.
    package init(_ text: String) {
        // The package's own escaping looks at characters; registering twice the same changes nothing.
        MustacheContentTypes.register(ScalarEscaping(), named: Self.contentType)
        do {
            template = try MustacheTemplate(string: "{{% CONTENT_TYPE:\(Self.contentType)}}\n" + text)
        } catch {
            preconditionFailure("a template of ours does not parse: \(error)")
        }
    }

    /// - Parameter content: a structure whose stored properties are the template's names.
    package func render(_ content: Any) -> String { template.render(content) }

    private static let contentType = "LIENTHONG_HTML"

    private struct ScalarEscaping: MustacheContentType {
        func escapeText(_ text: String) -> String { HTMLPage.escaped(text) }
    }
}
