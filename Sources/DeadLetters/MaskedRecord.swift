// Shows the shape of a refused record without its content: what is wrong can mostly be seen from types and lengths.
package import Contracts
import Foundation
import Model

/// One field of a record as it may be shown to whoever has named no ground for seeing more.
package struct MaskedField: Sendable, Hashable {
    /// Path in the record, such as `permanentAddress.provinceCode` or `industries[0].code`.
    package let path: String
    package let classification: Classification
    /// The value where the field's class is `open`, else its JSON type and length.
    package let shown: String
}

package enum MaskedRecord {
    /// The most fields shown of one record; a refused record may be of any size.
    package static let fieldsMax = 500

    /// Describes what of the contract's fields the record holds. Fields that the contract does not name are counted, not
    /// named: a name, too, can be a value.
    /// - Returns: nil where the bytes are not a JSON object.
    package static func fields(of value: [UInt8], contract: Contract) -> (fields: [MaskedField], unknown: Int)? {
        guard
            value.count <= Limits.recordBytesMax,
            let object = try? JSONSerialization.jsonObject(with: Data(value)) as? [String: Any]
        else { return nil }
        var fields: [MaskedField] = []
        let unknown = describe(object, contract.fields, prefix: "", into: &fields)
        return (fields, unknown)
    }

    private static func describe(
        _ object: [String: Any], _ known: [Field], prefix: String, into fields: inout [MaskedField]
    ) -> Int {
        var unknown = object.count
        for field in known {
            guard let value = object[field.name] else { continue }
            unknown -= 1
            unknown += describe(value, field, path: prefix + field.name, into: &fields)
        }
        return unknown
    }

    private static func describe(_ value: Any, _ field: Field, path: String, into fields: inout [MaskedField]) -> Int {
        guard fields.count < fieldsMax else { return 0 }
        switch (field.type, value) {
        case (.object(let inner), let object as [String: Any]):
            return describe(object, inner, prefix: path + ".", into: &fields)
        case (.list(.object(let inner), _, _, _), let items as [Any]):
            fields.append(MaskedField(path: path, classification: field.classification, shown: shape(of: value)))
            return items.enumerated().reduce(0) { unknown, item in
                guard let object = item.element as? [String: Any], fields.count < fieldsMax else { return unknown }
                return unknown + describe(object, inner, prefix: "\(path)[\(item.offset)].", into: &fields)
            }
        default:
            let shown =
                switch field.classification {
                case .open: open(value)
                case .internal, .businessSecret, .personal, .health, .family: shape(of: value)
                }
            fields.append(MaskedField(path: path, classification: field.classification, shown: shown))
            return 0
        }
    }

    private static func open(_ value: Any) -> String {
        switch value {
        case let text as String: text
        case let number as NSNumber: "\(number)"
        default: shape(of: value)
        }
    }

    private static func shape(of value: Any) -> String {
        switch value {
        case is NSNull: "null"
        case let text as String: "text of \(text.unicodeScalars.count)"
        case let number as NSNumber: isBoolean(number) ? "boolean" : "number"
        case let list as [Any]: "list of \(list.count)"
        case let object as [String: Any]: "object of \(object.count)"
        default: "of an unknown type"
        }
    }

    private static func isBoolean(_ number: NSNumber) -> Bool {
        // Foundation keeps a JSON boolean as a number whose Objective-C type is that of `bool`.
        String(cString: number.objCType) == String(cString: NSNumber(value: true).objCType)
    }
}
