// The 24 groups of health data of Decree 102/2025 art. 5.

enum DataGroups {
    /// The group's number and name in Vietnamese, its name in English; of a number beyond them, the number alone.
    static func words(_ number: Int) -> Words {
        guard names.indices.contains(number - 1) else { return Words("\(number)", "\(number)") }
        let (vi, en) = names[number - 1]
        return Words("\(number). \(vi)", en)
    }

    private static let names: [(String, String)] = [
        ("Y tế dự phòng", "preventive medicine"),
        ("Bảo vệ môi trường trong lĩnh vực y tế", "environmental protection in health"),
        ("Khám bệnh, chữa bệnh, phục hồi chức năng", "examination, treatment and rehabilitation"),
        ("Giám định y khoa, pháp y, pháp y tâm thần", "medical assessment, forensic medicine and psychiatry"),
        ("Y, dược cổ truyền", "traditional medicine and pharmacy"),
        ("Dược", "pharmacy"),
        ("Mỹ phẩm", "cosmetics"),
        ("An toàn thực phẩm", "food safety"),
        ("Thiết bị y tế", "medical devices"),
        ("Cơ sở hạ tầng y tế", "health infrastructure"),
        ("Dân số", "population"),
        ("Sức khỏe bà mẹ – trẻ em, sức khỏe sinh sản", "maternal, child and reproductive health"),
        ("Bảo hiểm y tế", "health insurance"),
        ("Truyền thông, giáo dục sức khỏe", "health communication and education"),
        ("Khoa học, công nghệ", "science and technology"),
        ("Hợp tác quốc tế", "international cooperation"),
        ("Công nghệ thông tin, chuyển đổi số y tế", "information technology and digital health"),
        ("Tài chính y tế", "health finance"),
        ("Thanh tra y tế", "health inspection"),
        ("Nhân lực y tế", "health workforce"),
        ("Đào tạo nhân lực y tế", "training of the health workforce"),
        ("Thủ tục hành chính", "administrative procedures"),
        ("Văn bản pháp quy, quản lý, điều hành", "regulations and administration"),
        ("Các cơ sở y tế", "health facilities"),
    ]
}
