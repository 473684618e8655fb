// Vietnamese names by frequency. A name is a random combination of common elements: nobody is meant by it.
import Foundation

enum SampleNames {
    static func person(male: Bool, birthYear: Int, _ random: inout SampleRandom) -> SampleName {
        let family = random.pick(families)
        let isTraditional = random.below(100) < (birthYear < 1970 ? 75 : birthYear < 1990 ? 50 : 22)
        var middle = isTraditional ? (male ? "Văn" : "Thị") : random.pick(male ? maleMiddles : femaleMiddles)
        var given = random.pick(male ? maleGivens : femaleGivens)
        if middle == given { middle = male ? "Văn" : "Thị" }
        // A given name of two syllables is a fashion of the young.
        if birthYear >= 1985, random.chance(perThousand: 350) {
            let first = random.pick(male ? maleMiddles : femaleMiddles)
            if first != given && first != middle { given = "\(first) \(given)" }
        }
        let name = SampleName(family: family, middle: middle, given: given)
        // Some systems write accents as marks of their own; the contract wants all stored alike.
        return random.chance(perThousand: 12) ? name.decomposed : name
    }

    static let families = Weighted([
        ("Nguyễn", 315), ("Trần", 109), ("Lê", 87), ("Phạm", 60), ("Hoàng", 32), ("Huỳnh", 24), ("Phan", 38),
        ("Vũ", 25),
        ("Võ", 20), ("Đặng", 21), ("Bùi", 20), ("Đỗ", 17), ("Hồ", 14), ("Ngô", 13), ("Dương", 12), ("Lý", 8),
        ("Đinh", 9),
        ("Trịnh", 8), ("Đoàn", 8), ("Mai", 7), ("Trương", 14), ("Lương", 7), ("Cao", 7), ("Tạ", 4), ("Hà", 6),
        ("Lưu", 5),
        ("Tô", 4), ("Châu", 4), ("Quách", 2), ("Nông", 3), ("Vi", 2), ("Lò", 4), ("Giàng", 3), ("Thạch", 3), ("Sơn", 1),
        ("Chu", 3), ("Thái", 3), ("Tống", 2), ("Kiều", 2), ("Phùng", 4),
    ])

    static let maleMiddles = [
        "Hữu", "Đức", "Minh", "Quang", "Thanh", "Đình", "Xuân", "Công", "Ngọc", "Quốc", "Trọng", "Tuấn", "Anh", "Gia",
        "Bảo",
        "Mạnh", "Duy", "Hoàng", "Tiến", "Thành", "Nhật", "Khắc", "Bá", "Viết", "Phúc", "Hải",
    ]
    static let femaleMiddles = [
        "Ngọc", "Thu", "Minh", "Thanh", "Phương", "Kim", "Hồng", "Mỹ", "Bích", "Thùy", "Khánh", "Diệu", "Bảo", "Hoài",
        "Như",
        "Quỳnh", "Thảo", "Ánh", "Tuyết", "Lan", "Hà", "Mai", "Cẩm", "Tường", "Hải", "Gia",
    ]
    static let maleGivens = [
        "Hùng", "Dũng", "Tuấn", "Nam", "Long", "Sơn", "Thắng", "Hải", "Minh", "Quân", "Đạt", "Khoa", "Phong", "Huy",
        "Tùng",
        "Cường", "Trung", "Kiên", "Bình", "Hiếu", "Khang", "Phúc", "Thịnh", "Tài", "Lộc", "Vinh", "Tâm", "Hòa", "Lâm",
        "Bách",
        "Nghĩa", "Toàn", "Đông", "Việt", "Khôi", "Tú", "Giang", "Quý", "An", "Chiến",
    ]
    static let femaleGivens = [
        "Lan", "Hương", "Hoa", "Mai", "Hà", "Linh", "Trang", "Thảo", "Hằng", "Nga", "Thủy", "Yến", "Ngân", "Vân",
        "Nhung",
        "Hạnh", "Huyền", "Dung", "Loan", "Phượng", "Anh", "Chi", "My", "Nhi", "Ngọc", "Quyên", "Tuyết", "Thu", "Xuân",
        "Trâm",
        "Oanh", "Liên", "Hiền", "Tâm", "Bích", "Châu", "Diễm", "Giang", "Khánh", "Vy",
    ]

    /// Of people who sign by passport.
    static let foreign = Weighted([("KOR", 5), ("JPN", 3), ("CHN", 3), ("FRA", 1), ("USA", 1)])
    static let foreignFamilies = ["KIM", "PARK", "SATO", "WANG", "CHEN", "MARTIN", "TANAKA", "LEE", "MOREL", "COLE"]
    static let foreignGivens = [
        "HANA", "MIN JUN", "KENJI", "WEI", "MARIE", "SEO YEON", "DANIEL", "YUKI", "LI NA", "PAUL",
    ]

    /// Syllables of company names.
    static let trade = [
        "An", "Bình", "Minh", "Tâm", "Phúc", "Khang", "Việt", "Nam", "Hà", "Thiên", "Đức", "Long", "Hưng", "Thịnh",
        "Lộc",
        "Phát", "Gia", "Bảo", "Kim", "Ngọc", "Hồng", "Thanh", "Xuân", "Hải", "Sơn", "Đông", "Trường", "Quang", "Vĩnh",
        "Tân",
    ]

    static let streets = [
        "đường Trần Phú", "đường Lê Lợi", "đường Nguyễn Huệ", "đường Hùng Vương", "đường Quang Trung",
        "đường Lý Thường Kiệt",
        "đường Hai Bà Trưng", "đường Nguyễn Trãi", "đường Phan Chu Trinh", "đường Điện Biên Phủ", "đường Võ Thị Sáu",
        "đường Ngô Quyền", "đường Bạch Đằng", "đường Lê Duẩn", "đường Cách Mạng Tháng Tám", "đường Nguyễn Du",
    ]
    static let hamlets = ["Thôn", "Tổ dân phố", "Khu phố", "Ấp", "Xóm", "Khóm", "Tiểu khu"]
    static let hamletNames = [
        "Đông", "Đoài", "Trung", "Hạ", "Thượng", "Bình Hòa", "Tân Lập", "Phú Mỹ", "An Thịnh", "Hòa Bình",
    ]

    static func street(_ random: inout SampleRandom) -> String {
        switch random.below(10) {
        case 0..<5: "Số \(random.within(1...420)) \(random.pick(streets))"
        case 5..<8: "\(random.pick(hamlets)) \(random.within(1...18))"
        default: "\(random.pick(hamlets)) \(random.pick(hamletNames))"
        }
    }
}

/// Family name, middle name and given name, as registers keep them apart.
struct SampleName: Sendable {
    let family: String
    let middle: String
    let given: String

    var full: String { "\(family) \(middle) \(given)" }

    var decomposed: SampleName {
        SampleName(
            family: family.decomposedStringWithCanonicalMapping, middle: middle.decomposedStringWithCanonicalMapping,
            given: given.decomposedStringWithCanonicalMapping
        )
    }
}
