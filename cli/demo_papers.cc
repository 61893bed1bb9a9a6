#include "cli/demo_papers.h"

#include "absl/strings/str_cat.h"
#include "cli/demo_pdf.h"

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
            "driver and write the number on the delivery note before anyone signs it."}});
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

constexpr char kDutyNotes[] =
    "# 值班记录\n\n"
    "三月十二日晚上，C区水管破裂，二十三箱油漆受潮。值班员关闭了总阀门，阀门在B区防火门后面。\n\n"
    "## 后续\n\n三月十四日更换了水管，受潮的油漆打六折出售。\n";

constexpr char kSuppliers[] =
    "<!doctype html><html lang=\"en\"><head><title>Suppliers</title></head><body>"
    "<h1>Suppliers</h1><p>Lamps come from <b>Nordlicht</b> in Kiel and take 9 days. Tools come "
    "from "
    "Varga in Brno and take 6 days.</p><h2>Late deliveries</h2><p>When a delivery is more than 3 "
    "days late, the buyer calls the supplier and writes the new date into the order.</p>"
    "</body></html>\n";

}  // namespace

std::vector<DemoPaper> DemoPapers() {
  return {{"handbook", "warehouse-handbook.pdf", WarehouseHandbook()},
          {"kucun-shouce", "kucun-shouce.pdf", ChineseHandbook()},
          {"zhiban", "zhiban.md", kDutyNotes},
          {"suppliers", "suppliers.html", kSuppliers}};
}

EvalQuestion PaperSearch() {
  EvalQuestion question;
  question.task = demo_world::Task::kTextToText;
  question.language = demo_world::Language::kChinese;
  question.text = "安全库存";
  question.gold.documents = {"kucun-shouce"};
  return question;
}

EvalQuestion PaperQuestion() {
  EvalQuestion question;
  question.text = "What is the largest load of the forklift?";
  question.gold.documents = {"handbook"};
  question.gold.answer = "1200 kg";
  question.gold.citations = {question.gold.documents};
  return question;
}

}  // namespace sightline::cli
