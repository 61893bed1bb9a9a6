#include "cli/demo_corpus.h"

#include <array>
#include <cmath>
#include <filesystem>
#include <functional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "cli/demo_pdf.h"
#include "cli/demo_png.h"
#include "cli/json_text.h"

namespace sightline::cli {
namespace {

constexpr double kMargin = 60;
constexpr int kColumns = 84;

// One page: a title, then paragraphs under headings.
struct Section {
  const char* heading;
  const char* text;
};

void AddPage(PdfWriter& pdf, const char* title, const std::vector<Section>& sections) {
  pdf.BeginPage();
  pdf.Text(kMargin, 70, 20, title, true);
  pdf.Line(kMargin, 84, PdfWriter::kWidth - kMargin, 84);
  double y = 116;
  for (const Section& section : sections) {
    pdf.Text(kMargin, y, 13, section.heading, true);
    y = pdf.Paragraph(kMargin, y + 20, 11, kColumns, section.text) + 14;
  }
}

std::string ReturnsPolicy() {
  PdfWriter pdf;
  AddPage(pdf, "Returns policy",
          {{"Time limit",
            "Goods may be returned within 30 days of delivery. Lamps and batteries may be returned "
            "within 14 days, and only when their box has not been opened."},
           {"Refunds",
            "A refund is paid within 5 working days to the card that was charged. Shipping costs "
            "are refunded only when the parcel arrived damaged."}});
  AddPage(
      pdf, "Returns policy, page 2",
      {{"Damaged parcels",
        "Take a photo of the damaged parcel before you open it and send it to the returns desk. "
        "The desk answers within one working day and sends a prepaid label."},
       {"Restocking",
        "Returned goods go to the inspection table at gate 4. What passes the inspection is put "
        "back on its shelf; what fails is sold as second choice at a discount of 40 percent."}});
  return pdf.Finish();
}

// The floor plan is a drawing, so the page's picture shows what its text does not say.
void AddFloorPlan(PdfWriter& pdf) {
  pdf.BeginPage();
  pdf.Text(kMargin, 70, 20, "Floor plan of the warehouse", true);
  pdf.Rectangle(kMargin, 120, 475, 420, 0.97);
  for (int row = 0; row < 4; ++row) {
    const double y = 150 + row * 80;
    pdf.Rectangle(120, y, 330, 40, 0.80 - 0.12 * row);
    pdf.Text(250, y + 25, 14, absl::StrCat("Aisle ", std::string(1, static_cast<char>('A' + row))),
             true);
  }
  pdf.Rectangle(270, 500, 60, 40, 0.3);
  pdf.Text(kMargin, 580, 11, "The dark box at the lower wall is gate 4, where trucks unload.");
  pdf.Text(kMargin, 600, 11,
           "Aisle A holds lamps, aisle B tools, aisle C paint, aisle D garden goods.");
}

std::string WarehouseHandbook() {
  PdfWriter pdf;
  AddPage(pdf, "Warehouse handbook",
          {{"Forklifts",
            "Only people with a licence drive the forklift. The largest load is 1200 kg up to a "
            "height of 3 metres, and 800 kg above it. Charge the battery when it falls below 20 "
            "percent; charging takes 6 hours."},
           {"Fire doors",
            "The fire doors in aisles B and D stay free at all times. They are tested on the first "
            "Monday of each month."}});
  AddPage(pdf, "Receiving goods",
          {{"Unloading",
            "Trucks unload at gate 4 between 06:00 and 10:00. Count the pallets together with the "
            "driver and write the number on the delivery note before anyone signs it."},
           {"Labels",
            "Each bin carries a label with a shape and a colour. The shape names the kind of goods "
            "and the colour names the aisle: red is aisle A, blue aisle B, green aisle C, yellow "
            "aisle D."}});
  AddFloorPlan(pdf);
  return pdf.Finish();
}

std::string ChineseHandbook() {
  PdfWriter pdf;
  AddPage(pdf, "库存管理手册",
          {{"盘点",
            "仓库每个季度盘点一次。盘点当天停止出货，两名员工分别清点同一货架，数量不一致时由主管复"
            "核。"},
           {"安全库存",
            "灯具的安全库存为二百件，油漆的安全库存为八十桶。库存低于安全线时，系统会自动提醒采购员"
            "。"}});
  AddPage(pdf, "出入库流程",
          {{"入库", "货车在四号门卸货。收货员核对送货单和实际数量，拍照留存，然后贴上标签并上架。"},
           {"退货", "顾客可以在收货后三十天内退货。退回的商品先送到检验台，检验合格后重新上架。"}});
  return pdf.Finish();
}

std::string PriceList() {
  PdfWriter pdf;
  pdf.BeginPage();
  pdf.Text(kMargin, 70, 20, "Price list, spring", true);
  constexpr std::array<std::array<const char*, 3>, 6> kRows = {
      {{"Article", "Aisle", "Price"},
       {"Desk lamp Luma", "A", "39.00 EUR"},
       {"Cordless drill D18", "B", "129.00 EUR"},
       {"Wall paint, white, 10 l", "C", "54.50 EUR"},
       {"Garden hose, 25 m", "D", "31.90 EUR"},
       {"Watering can, 12 l", "D", "17.40 EUR"}}};
  double y = 110;
  for (const auto& row : kRows) {
    const bool header = y == 110;
    pdf.Text(kMargin, y, 11, row[0], header);
    pdf.Text(300, y, 11, row[1], header);
    pdf.Text(400, y, 11, row[2], header);
    pdf.Line(kMargin, y + 6, 520, y + 6);
    y += 22;
  }
  pdf.Text(kMargin, y + 16, 10, "Prices include tax. Orders above 75 EUR are sent free of charge.");
  return pdf.Finish();
}

struct TextFile {
  const char* name;
  const char* content;
};

constexpr TextFile kNotes[] = {
    {"opening-hours.md",
     "# Opening hours\n\nThe shop is open from Monday to Friday, 09:00 to 18:30, and on Saturday "
     "until 14:00. It is closed on Sundays.\n\n## Holidays\n\nBetween 24 December and 2 January "
     "only the returns desk is staffed, from 10:00 to 12:00.\n"},
    {"water-damage.md",
     "# Incident: water in aisle C\n\nOn 12 March a pipe above aisle C burst. 23 boxes of wall "
     "paint "
     "were wet; 19 of them could still be sold. The pipe was replaced on 14 March.\n\n## "
     "Lessons\n\n"
     "- Keep 10 cm between the shelves and the pipes.\n- The main valve is behind the fire door of "
     "aisle B.\n"},
    {"zhiban.md",
     "# "
     "值班记录\n\n三月十二日晚上，C区水管破裂，二十三箱油漆受潮。值班员关闭了总阀门，阀门在B区防火"
     "门后面。\n\n"
     "## 后续\n\n三月十四日更换了水管，受潮的油漆打六折出售。\n"},
    {"suppliers.html",
     "<!doctype html><html "
     "lang=\"en\"><head><title>Suppliers</title></head><body><h1>Suppliers</h1>"
     "<p>Lamps come from <b>Nordlicht</b> in Kiel and take 9 days. Tools come from Varga in Brno "
     "and "
     "take 6 days.</p><h2>Late deliveries</h2><p>When a delivery is more than 3 days late, the "
     "buyer "
     "calls the supplier and writes the new date into the order.</p></body></html>\n"},
    {"gongyingshang.html",
     "<!doctype html><html lang=\"zh\"><head><meta "
     "charset=\"utf-8\"><title>供应商</title></head><body>"
     "<h1>供应商</h1><p>灯具由北光公司供应，交货期为九天。工具由瓦尔加公司供应，交货期为六天。</p>"
     "<p>交货晚于三天时，采购员要打电话给供应商并更新订单日期。</p></body></html>\n"},
};

struct Named {
  const char* english;
  const char* chinese;
};

struct LabelColor {
  Named name;
  Color color;
  char aisle;
};

constexpr LabelColor kColors[] = {{{"red", "红色"}, {205, 40, 40}, 'A'},
                                  {{"blue", "蓝色"}, {40, 80, 200}, 'B'},
                                  {{"green", "绿色"}, {40, 150, 70}, 'C'},
                                  {{"yellow", "黄色"}, {235, 195, 40}, 'D'}};

struct LabelShape {
  Named name;
  Named goods;
  bool (*inside)(double x, double y);
};

bool InCircle(double x, double y) { return std::hypot(x - 0.5, y - 0.5) < 0.3; }
bool InSquare(double x, double y) { return std::abs(x - 0.5) < 0.26 && std::abs(y - 0.5) < 0.26; }
bool InTriangle(double x, double y) {
  return y > 0.2 && y < 0.78 && std::abs(x - 0.5) < (y - 0.2) * 0.58;
}
bool InCross(double x, double y) {
  const double dx = std::abs(x - 0.5);
  const double dy = std::abs(y - 0.5);
  return (dx < 0.1 && dy < 0.32) || (dy < 0.1 && dx < 0.32);
}
bool InRing(double x, double y) {
  const double r = std::hypot(x - 0.5, y - 0.5);
  return r > 0.18 && r < 0.32;
}
bool InStripes(double x, double y) {
  return x > 0.2 && x < 0.8 && y > 0.2 && y < 0.8 && static_cast<int>(y * 20) % 4 < 2;
}

constexpr LabelShape kShapes[] = {
    {{"circle", "圆形"}, {"lamps", "灯具"}, InCircle},
    {{"square", "方形"}, {"tools", "工具"}, InSquare},
    {{"triangle", "三角形"}, {"paint", "油漆"}, InTriangle},
    {{"cross", "十字形"}, {"first aid goods", "急救用品"}, InCross},
    {{"ring", "环形"}, {"garden hoses", "水管"}, InRing},
    {{"stripes", "条纹"}, {"packing material", "包装材料"}, InStripes}};

constexpr Color kBackgrounds[] = {{240, 238, 230}, {205, 214, 222}, {120, 110, 98}};

std::string LabelPicture(const LabelShape& shape, const LabelColor& color, int number) {
  // Sizes differ a little, as those of photos do.
  Canvas canvas(192 + 16 * (number % 3), 192, kBackgrounds[number % 3]);
  canvas.Shade(0.25);
  canvas.Fill({250, 250, 250}, [](double x, double y) {
    return std::abs(x - 0.5) < 0.42 && std::abs(y - 0.5) < 0.42;
  });
  canvas.Fill(color.color, shape.inside);
  return canvas.EncodePng();
}

std::string ManifestLine(const std::string& name, const LabelShape& shape, const LabelColor& color,
                         int number) {
  const bool chinese = number % 5 == 3;
  const std::string caption =
      chinese ? absl::StrCat(color.name.chinese, shape.name.chinese, "标签，",
                             std::string(1, color.aisle), "区，", shape.goods.chinese)
              : absl::StrCat("Label with a ", color.name.english, " ", shape.name.english, ": ",
                             shape.goods.english, " in aisle ", std::string(1, color.aisle));
  const std::string metadata = JsonObject()
                                   .Text("kind", "label")
                                   .Text("color", color.name.english)
                                   .Text("shape", shape.name.english)
                                   .Text("aisle", std::string(1, color.aisle))
                                   .Text("lang", chinese ? "zh" : "en")
                                   .Done();
  return JsonObject()
      .Text("path", "pictures/" + name)
      .Text("id", "label-" + name.substr(0, name.size() - 4))
      .Text("caption", caption)
      .Raw("metadata", metadata)
      .Done();
}

}  // namespace

absl::StatusOr<DemoCorpus> WriteDemoCorpus(const std::string& folder) {
  DemoCorpus corpus;
  corpus.documents = folder + "/documents";
  corpus.manifest = folder + "/pictures.jsonl";
  std::error_code error;
  for (const std::string& made : {corpus.documents, folder + "/pictures"}) {
    std::filesystem::create_directories(made, error);
    if (error) return absl::UnavailableError(absl::StrCat(made, ": ", error.message()));
  }
  const auto write = [&](const std::string& path, const std::string& content) {
    ++corpus.files;
    return WriteFileAtomic(path, content);
  };
  SL_RETURN_IF_ERROR(write(corpus.documents + "/returns-policy.pdf", ReturnsPolicy()));
  SL_RETURN_IF_ERROR(write(corpus.documents + "/warehouse-handbook.pdf", WarehouseHandbook()));
  SL_RETURN_IF_ERROR(write(corpus.documents + "/kucun-shouce.pdf", ChineseHandbook()));
  SL_RETURN_IF_ERROR(write(corpus.documents + "/price-list.pdf", PriceList()));
  for (const TextFile& note : kNotes) {
    SL_RETURN_IF_ERROR(write(absl::StrCat(corpus.documents, "/", note.name), note.content));
  }
  std::string manifest;
  int number = 0;
  for (const LabelShape& shape : kShapes) {
    for (const LabelColor& color : kColors) {
      const std::string name = absl::StrCat(color.name.english, "-", shape.name.english, ".png");
      const std::string path = folder + "/pictures/" + name;
      SL_RETURN_IF_ERROR(write(path, LabelPicture(shape, color, number)));
      absl::StrAppend(&manifest, ManifestLine(name, shape, color, number), "\n");
      if (name == "green-triangle.png") corpus.photo = path;
      ++number;
    }
  }
  SL_RETURN_IF_ERROR(WriteFileAtomic(corpus.manifest, manifest));
  return corpus;
}

}  // namespace sightline::cli
